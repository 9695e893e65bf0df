"""UnionPay's signed texts: answers and back notices, with the signer's certificate inside (protocols 6.1, 6.3)."""

import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox.beijing import COMPACT, ZONE, text_of
from adapters.sandbox.keys import SIGNER_NAME, UnionPayKeys, issue
from adapters.sandbox.outcomes import Notice, digits
from adapters.sandbox.rsa_text import acp_signature, base_string

ECHOED = (
    "accessType", "bizType", "currencyCode", "encoding", "merId", "orderId", "origQryId", "reqReserved", "signMethod",
    "txnAmt", "txnSubType", "txnTime", "txnType", "version",
)  # fmt: skip
"""Fields of a request that its answer and its notice repeat."""


def signed(keys: UnionPayKeys, fields: Mapping[str, str], certificate: str = "") -> dict[str, str]:
    """Return the fields with certificate and signature of the gateway."""
    whole = {**fields, "signPubKeyCert": certificate or keys.signer_pem}
    return {**whole, "signature": acp_signature(keys.signer, base_string(whole, ("signature",)))}


def foreign_signed(keys: UnionPayKeys, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields signed by somebody else whose certificate bears the right names."""
    whole = {**fields, "signPubKeyCert": keys.foreign_pem}
    return {**whole, "signature": acp_signature(keys.foreign, base_string(whole, ("signature",)))}


def expired_certificate(keys: UnionPayKeys, txn_time: str) -> str:
    """Return a certificate of the signer that was valid at `txnTime` and is not any more."""
    until = datetime.strptime(txn_time, COMPACT).replace(tzinfo=ZONE).astimezone(UTC)
    valid = (until - timedelta(days=365), until)
    under = (keys.middle.subject, keys.middle_key)
    made = issue(SIGNER_NAME, keys.signer, under, may_issue=False, valid=valid)
    return made.public_bytes(Encoding.PEM).decode("ascii")


def result_fields(request: Mapping[str, str], query_id: str, moved_at: int) -> dict[str, str]:
    """Return what a notice says beyond the request: the movement and its place in the clearing."""
    amount = request.get("txnAmt", "")
    return {
        **{name: request[name] for name in ECHOED if request.get(name)},
        "queryId": query_id,
        "traceNo": digits(6, query_id),
        "traceTime": text_of(moved_at, "%m%d%H%M%S"),
        "settleDate": text_of(moved_at, "%m%d"),
        "settleAmt": amount,
        "settleCurrencyCode": "156",
        "payCardType": "01",
        "payType": "0001",
        "respCode": "00",
        "respMsg": "success",
    }


def body_of(keys: UnionPayKeys, fields: Mapping[str, str], defect: Notice) -> Callable[[int], bytes]:
    """Return what the n-th send of a back notice carries."""
    changed = dict(fields)
    if defect is Notice.AMOUNT_PLUS_ONE:
        changed["txnAmt"] = str(int(fields["txnAmt"]) + 1)
    certificate = expired_certificate(keys, fields["txnTime"]) if defect is Notice.EXPIRED_CERTIFICATE else ""
    good = _encoded(signed(keys, changed, certificate))
    if defect is Notice.FIRST_HOSTILE:
        forged = _encoded(foreign_signed(keys, changed))
        return lambda send: forged if send == 1 else good
    return lambda _send: good


def _encoded(fields: Mapping[str, str]) -> bytes:
    return urllib.parse.urlencode(fields).encode("ascii")
