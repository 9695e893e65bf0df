"""The stream table of institutions against the ledger: what it adds up is what the records come to, to the fen."""

from collections import Counter

from evidence import Evidence, Row

_SUMS = ("count", "charged_fen", "credit_fen", "returned_credit_fen", "debits_paid")


def table_complaints(evidence: Evidence) -> list[str]:
    """Return where the table differs; nothing when it was not read."""
    if evidence.institution_rows is None:
        return []
    found, expected = Counter[str](), Counter[str]()
    for row in evidence.institution_rows:
        found.update({name: row.value.get("sums", {}).get(name, 0) for name in _SUMS})
    for record in evidence.ledger:
        expected["count"] += 1
        for event in record.value.get("events", ()):
            _add(expected, event)
    return [
        f"the table of institutions says {name} {found[name]}, the ledger {expected[name]}"
        for name in _SUMS
        if found[name] != expected[name]
    ]


def _add(sums: Counter[str], event: dict[str, object]) -> None:
    allocation, returned = event.get("allocation"), event.get("returned")
    if event["type"] == "charge_posted":
        sums["charged_fen"] += int(str(event["total_fen"]))
        sums["credit_fen"] += allocation.get("credit_fen", 0) if isinstance(allocation, dict) else 0
    elif event["type"] == "charge_reduced":
        sums["returned_credit_fen"] += returned.get("credit_fen", 0) if isinstance(returned, dict) else 0
    elif event["type"] == "debit_paid":
        sums["debits_paid"] += 1


def last_of_each_key(rows: list[Row]) -> list[Row]:
    """Return what a compacted topic holds: the last record of each key, without those that were taken out."""
    last = {(each.partition, each.key): each for each in rows}
    return [each for each in last.values() if each.raw]
