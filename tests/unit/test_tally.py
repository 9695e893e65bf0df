"""What a demo counts, from ledger records alone."""

import msgspec

from hub.cli.programme_tally import ProgrammesDocument, ProgrammeTally
from hub.cli.shown import missing
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


def test_the_programmes_counts_are_of_what_happened():
    """Scenes, reasons, scores, banks, holds, second signatures and payments in parts are counted from events."""
    tally = ProgrammeTally()
    charge = {"type": "charge_posted", "scene": "pharmacy", "reason": "PRESET_EXCEEDED", "absorbs": ["C1", "C2"]}
    signed = {"type": "agreement_signed", "bank": "CCB", "provider": "none"}
    paid = {"type": "repayment_applied", "bill": "B1"}
    for record in (
        {"account": "A", "events": [signed, {"type": "agreement_ended"}, signed]},
        {"account": "B", "events": [charge, {"type": "hold_placed"}, {"type": "line_set", "provider": "egret"}]},
        {"account": "B", "events": [paid, paid, {"type": "debit_paid", "bill": "B2"}]},
        {"account": "B", "events": [{"type": "bill_issued", "supplementary": True}, {"type": "bill_issued"}]},
        {"account": "B"},
    ):
        tally.add(record)
    document = tally.document()
    assert msgspec.convert(document, ProgrammesDocument) == document
    assert set(document) == set(ProgrammesDocument.__annotations__)
    assert {name: count for name, count in document.items() if count} == {
        "scenes": {"pharmacy": 1},
        "credit_reduced": {"PRESET_EXCEEDED": 1},
        "lines_by_score": {"egret": 1, "none": 2},
        "banks": {"CCB": 2},
        "agreements_ended": 1,
        "agreements_signed_again": 1,
        "holds_placed": 1,
        "visits_settled_whole": 1,
        "bills_paid_in_parts": 1,
        "supplementary_bills": 1,
    }


def test_what_a_demo_did_not_show_is_named():
    """A count of 0, an absent source, gateway, pack or scene is missing; basic journeys answer for basic counts."""
    document = {**Tally().document(), "programmes": ProgrammeTally().document()}
    basic, everything = missing(document, "basic"), missing(document, "all")
    assert missing(document, "none") == []
    assert {"reversals", "paid_fen.credit", "debits_paid_by_gateway.alipay"} <= set(basic) < set(everything)
    assert {"programmes.scenes.internet", "programmes.holds_placed", "charges_by_pack.pingtan-2025"} <= set(everything)
    document["reversals"], document["paid_fen"]["credit"] = 1, 5
    assert set(basic) - set(missing(document, "basic")) == {"reversals", "paid_fen.credit"}
