"""The oracle of the lanes' faults: the harness's own log of what it sent, and plain arithmetic on plain JSON.

It imports nothing of the product: records are read as JSON, states only for their balance.
"""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Sent:
    """What the harness did: amounts by command id, and timers by (account, due_at)."""

    amounts: dict[str, tuple[str, int]] = field(default_factory=dict)
    timers: set[tuple[str, int]] = field(default_factory=set)

    def note(self, command: Any) -> Any:
        """Remember a command and whatever timer it arms; return it."""
        self.amounts[command.id] = (command.account, command.body.amount_fen)
        order = command.body.receipt_no.split()
        if order[:1] == ["arm"]:
            self.timers.add((command.account, int(order[3])))
        return command


def complaints(sent: Sent, ledger: list[tuple[bytes, bytes]], balances: dict[str, int]) -> list[str]:
    """Return everything that is not as it must be; `ledger` is (key, value) in partition order, of one."""
    records = [json.loads(value) for _, value in ledger]
    return [
        *_outcomes(sent, records),
        *_timers(sent, records),
        *_sequence(records),
        *_balances(sent, records, balances),
        *_chain(ledger),
    ]


def _outcomes(sent: Sent, records: list[dict[str, Any]]) -> list[str]:
    found = Counter(record["command_id"] for record in records if record["source"]["type"] == "command")
    missing = [f"command {each} has no outcome" for each in sent.amounts if not found[each]]
    return missing + [f"command {each} has {count} outcomes" for each, count in found.items() if count > 1]


def _timers(sent: Sent, records: list[dict[str, Any]]) -> list[str]:
    fired = Counter((r["account"], r["source"]["due_at"]) for r in records if r["source"]["type"] == "timer")
    lost = [f"timer {each} never fired" for each in sent.timers if not fired[each]]
    return lost + [f"timer {each} fired {count} times" for each, count in fired.items() if count > 1]


def _sequence(records: list[dict[str, Any]]) -> list[str]:
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        seqs[record["account"]].append(record["seq"])
    return [f"{account} counts {found}" for account, found in seqs.items() if found != [*range(1, len(found) + 1)]]


def _balances(sent: Sent, records: list[dict[str, Any]], balances: dict[str, int]) -> list[str]:
    expected: Counter[str] = Counter()
    for account, amount in sent.amounts.values():
        expected[account] += amount
    booked: Counter[str] = Counter()
    for record in records:
        booked[record["account"]] += int(record.get("parameters", {}).get("amount", 0))
    texts = []
    for account, amount in expected.items():
        if not amount == booked[account] == balances.get(account, 0):
            texts.append(f"{account}: sent {amount}, ledger {booked[account]}, state {balances.get(account, 0)}")
    return texts


def _chain(ledger: list[tuple[bytes, bytes]]) -> list[str]:
    previous = ""
    for number, (key, value) in enumerate(ledger):
        record = json.loads(value)
        body = value[: value.rindex(b',"hash":"')] + b"}"
        digest = hashlib.new("sm3", previous.encode() + key + body).hexdigest()
        if record.get("previous_hash", "") != previous or record["hash"] != digest:
            return [f"the chain breaks at record {number}"]
        previous = digest
    return []
