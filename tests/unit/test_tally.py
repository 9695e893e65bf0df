"""What a demo counts, from ledger records alone."""

import msgspec

from hub.cli.tally import Tally, TallyDocument


def record(outcome: str, *events: dict[str, object], reason: str = "") -> dict[str, object]:
    """Return a ledger record as the books give it."""
    return {"outcome": outcome, "reason": reason, "events": events}


def test_the_document_has_every_count_and_no_other():
    """The schema of `demo --json` is what a run prints: checked, because scripts read it."""
    tally = Tally()
    tally.add_all(
        [
            record(
                "POSTED",
                {"type": "charge_posted", "charge": "C1", "pack": "p", "allocation": {"credit_fen": 5, "fund_fen": 2}},
            ),
            record("REFUSED", reason="CREDIT_EXCEEDS"),
            record("RECORDED", {"type": "debit_unknown", "order_no": "D1"}),
            record("RECORDED", {"type": "debit_paid", "order_no": "D1", "bill": "B1", "channel": "alipay"}),
        ]
    )
    document = tally.document()
    assert msgspec.convert(document, TallyDocument) == document
    assert set(document) == set(TallyDocument.__annotations__)
    assert (document["charges"], document["paid_fen"]["credit"], document["decisions"]) == (1, 5, 4)
    assert (document["debits_unknown_then_resolved"], document["debits_paid_by_gateway"]) == (1, {"alipay": 1})
    assert document["refusals_by_reason"] == {"CREDIT_EXCEEDS": 1}
