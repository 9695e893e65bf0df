"""The oracle of runs with real lane processes: deposits only, judged by plain arithmetic on plain JSON.

It imports nothing of the product. It knows what the harness sent, and reads the committed ledger and dead letters.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Deposits:
    """What was sent: account and fen by command id, how often each id was sent, and how many unreadable records."""

    sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    def note(self, ident: str, account: str, fen: int) -> None:
        """Remember one sending."""
        self.sent[ident] = (account, fen)
        self.times[ident] += 1

    def complaints(self, ledger: list[bytes], letters: list[bytes]) -> list[str]:
        """Return everything that is not as it must be."""
        records = [json.loads(value) for value in ledger]
        return [*self._outcomes(records), *self._money(records), *self._letters(letters), *_sequence(records)]

    def _outcomes(self, records: list[dict[str, Any]]) -> list[str]:
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for record in records:
            found[record["command_id"]][record["outcome"]] += 1
        texts = []
        for ident, times in self.times.items():
            posted, duplicates = found[ident]["POSTED"], found[ident]["DUPLICATE"]
            if (posted, duplicates) != (1, times - 1) or found[ident].total() != times:
                texts.append(f"{ident} was sent {times} times: {dict(found[ident])}")
        return texts

    def _money(self, records: list[dict[str, Any]]) -> list[str]:
        expected: Counter[str] = Counter()
        for account, fen in self.sent.values():
            expected[account] += fen
        booked: Counter[str] = Counter()
        last: dict[str, int] = {}
        texts = []
        for record in records:
            for event in record.get("events", ()):
                if event["type"] == "prepayment_deposited":
                    booked[record["account"]] += event["amount_fen"]
            for view in record.get("after", ()):
                if view["type"] == "person":
                    last[record["account"]] = sum(view.get("prepayments", {}).values())
                    if last[record["account"]] != booked[record["account"]]:
                        texts.append(f"{record['account']} seq {record['seq']}: a balance that is not its deposits")
        wrong = [a for a in expected if not expected[a] == booked[a] == last.get(a)]
        return texts + [f"{a}: sent {expected[a]}, booked {booked[a]}, balance {last.get(a)}" for a in wrong]

    def _letters(self, letters: list[bytes]) -> list[str]:
        places = Counter(json.loads(letter)["receipt_key"] for letter in letters)
        texts = [f"{place} has {count} dead letters" for place, count in places.items() if count > 1]
        if len(places) != self.unreadable:
            texts.append(f"{self.unreadable} unreadable records, {len(places)} dead letters")
        return texts


def _sequence(records: list[dict[str, Any]]) -> list[str]:
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        seqs[record["account"]].append(record["seq"])
    return [f"{account} counts {found}" for account, found in seqs.items() if found != [*range(1, len(found) + 1)]]
