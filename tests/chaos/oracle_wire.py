"""What an exchange and a command are about, seen from outside: the same key means the same message.

The key is made of what the sender wrote (control id, message id, line number, receipt), never of an id the hub made.
"""

import json
import re
from typing import Any

from evidence import Exchange, Row, account_of

Key = tuple[str, ...]
_FHIR_EVENTS = {"in-progress": "opened", "finished": "discharged"}
_API_BODIES = {
    "/api/v1/agreements": "sign_agreement",
    "/api/v1/insurance-deposits": "deposit_insurance_account",
    "/api/v1/prepayments": "deposit_prepayment",
    "/api/v1/repayments": "record_repayment",
}
OUTSIDE = frozenset(("mllp", "fhir", "score", "api"))
"""Interfaces the generator sends by."""
NOTICES = frozenset(("alipay", "unionpay"))


def exchange_key(exchange: Exchange) -> Key:
    """Return what a message is about. Raises ValueError for one the oracle cannot read."""
    if exchange.wire == "mllp":
        return _hl7_key(exchange.sent)
    path, _, body = exchange.sent.partition(b"\n")
    path_text, document = path.decode().removeprefix("POST "), json.loads(body)
    if path_text.startswith("/feeds/"):
        return ("score", document["msg_id"])
    if path_text in _API_BODIES:
        return _api_key(_API_BODIES[path_text], document)
    return _fhir_key(document)


def command_key(command: Row) -> Key:
    """Return what a command is about; empty for one that did not come straight from the generator's wires."""
    return () if command.value.get("via") else message_key(command)


def message_key(command: Row) -> Key:
    """Return what a command is about, also one that was forwarded; empty when the generator did not send it."""
    value = command.value
    body, interface = value.get("body", {}), value.get("interface")
    kind = body.get("type", "")
    if interface not in OUTSIDE:
        return ()
    if interface == "mllp":
        return ("mllp", *value.get("receipt_key", "").split("|")[:3])
    if interface == "score":
        return ("score", body.get("message_id", ""))
    if interface == "api":
        return ("api", kind, value["account"], *_api_parts(kind, body))
    return ("fhir", kind, *_fhir_parts(kind, body, value["account"]))


def hl7_fields(message: bytes) -> dict[str, list[list[str]]]:
    """Return the fields of each segment by its name; enough of HL7 for what the generator writes."""
    segments: dict[str, list[list[str]]] = {}
    for line in message.decode("gb18030" if b"GB 18030" in message[:200] else "utf-8").split("\r"):
        fields = line.split("|")
        segments.setdefault(fields[0], []).append(fields)
    return segments


def _hl7_key(message: bytes) -> Key:
    header = hl7_fields(message)["MSH"][0]
    return ("mllp", header[2], header[3], header[9])


def _api_key(kind: str, document: dict[str, Any]) -> Key:
    account = account_of("person", document["person"]["citizen_id"])
    if kind == "sign_agreement":
        return ("api", kind, account, document["channel_agreement"])
    named = {"deposit_insurance_account": "reference", "deposit_prepayment": "institution"}.get(kind, "receipt_no")
    return ("api", kind, account, document.get(named, ""), str(fen(document["amount"])))


def _api_parts(kind: str, body: dict[str, Any]) -> list[str]:
    amount = str(body.get("amount_fen", ""))
    return {
        "sign_agreement": [body.get("channel_agreement", "")],
        "deposit_insurance_account": [body.get("reference", ""), amount],
        "deposit_prepayment": [body.get("institution", ""), amount],
        "record_repayment": [body.get("receipt_no", ""), amount],
    }.get(kind, [])


def _fhir_key(document: dict[str, Any]) -> Key:
    kind = document["resourceType"]
    if kind == "ChargeItem":
        return ("fhir", "post_charge", document["identifier"][0]["value"])
    if kind == "Encounter":
        event = _FHIR_EVENTS[document["status"]]
        return ("fhir", "record_visit", document["identifier"][0]["value"], event)
    if kind == "ClaimResponse":
        return ("fhir", "settle_insurance", document["identifier"][0]["value"])
    if kind == "Patient":
        citizen = next(each["value"] for each in document["identifier"] if each["system"] == "urn:nhsa:citizen-id")
        return ("fhir", "identify_patient", account_of("person", citizen))
    raise ValueError(f"the generator sends no {kind}")


def _fhir_parts(kind: str, body: dict[str, Any], account: str) -> list[str]:
    return {
        "post_charge": lambda: [body["lines"][0]["line_key"]],
        "record_visit": lambda: [body["visit"], body["event"]],
        "settle_insurance": lambda: [body["split"]["settlement_id"]],
        "identify_patient": lambda: [account],
    }[kind]()


def fen(text: str) -> int:
    """Return an amount in fen from its exact text."""
    match = re.fullmatch(r"(\d+)\.(\d\d)", text)
    if match is None:
        raise ValueError(f"{text!r} is no amount")
    return int(match[1]) * 100 + int(match[2])
