"""What `tail` says of one record of each topic: code, ids and sums, and nothing else."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from hub.cli.tail_lines import TailLine, decoded
from schemas.commands import Command, PostCharge
from schemas.dead_letters import DeadLetter
from schemas.errands import DebitErrand, RelayErrand
from schemas.events import Allocation
from schemas.facts import Fact, Facts
from schemas.ids import account_id, make_id
from schemas.ledger import ChargeView, CommandSource, LedgerRecord, TimerSource
from schemas.replies import Reply

ACCOUNT = account_id(b"k" * 32, "person", "350299199003070025")
CHARGE, ORDER = make_id(ACCOUNT, "C", 1), make_id(ACCOUNT, "D", 1)
PARTS = Allocation(account_fen=1000, credit_fen=834)
VIEW = ChargeView(CHARGE, "V1", "XMZSH", "outpatient", "内科", 5, "pack-1", 1834, PARTS, Allocation(), "posted")


def line(entity: str, value: Any) -> TailLine:
    """Return the line of a record with this value."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    record = SimpleNamespace(topic=f"medcredit.{entity}.v1", partition=3, offset=7, timestamp=9, value=body)
    return decoded(entity, record)


def record(**changes: Any) -> LedgerRecord:
    """Return a ledger record."""
    base = LedgerRecord(ACCOUNT, 1, CommandSource(4), 5, 6, "POSTED", sender="HIS@XMZSH", pack="pack-1")
    return msgspec.structs.replace(base, **changes)


def test_a_decision_shows_its_split():
    """The charge's short id, total and parts, with the pack that decided."""
    said = line("ledger", record(after=(VIEW,), reference=CHARGE))
    assert (said.stage, said.code, said.amount_fen, said.at) == ("decision", "POSTED", 1834, 5)
    assert "18.34 = account 10.00 + credit 8.34" in said.text
    assert (said.partition, said.offset) == (3, 7)


def test_a_timer_names_its_kind_and_a_refusal_its_reason():
    """Both stand in the text; the refusal's reason is a field of its own, so that --code finds it."""
    assert line("ledger", record(source=TimerSource("auto_debit", 5), outcome="TIMER")).stage == "timer"
    refused = line("ledger", record(outcome="REFUSED", reason="LINE_CHANGED"))
    assert (refused.code, refused.reason) == ("REFUSED", "LINE_CHANGED")


def test_errands_say_what_leaves_the_account():
    """A debit has order, amount and channel; a relay its receiver."""
    debit = DebitErrand("e1", ACCOUNT, "B1", "alipay", "X", ORDER, 810, 1, 1, 2, 3)
    said = line("errands", debit)
    assert (said.stage, said.code, said.amount_fen) == ("errand", "debit", 810)
    body = PostCharge("XMZSH", "V1", "outpatient", 1, ())
    relay = RelayErrand("e2", ACCOUNT, Command("c1", ACCOUNT, 1, 1, "HIS@XMZSH", "mllp", "h", body))
    assert line("errands", relay).text.endswith("post_charge")


def test_letters_facts_replies_and_rows_have_their_lines():
    """Each topic is read by its own type."""
    letter = DeadLetter("ab12cd34", 5, 6, "hl7", "HIS@XMZSH", "AMOUNT_MISMATCH", "", "k", "", reply_sent="AE")
    said = line("dead-letters", letter)
    assert (said.stage, said.code, said.short) == ("letter", "AMOUNT_MISMATCH", "DL-AB12CD34")
    facts = Facts(3, 5, 6, (Fact("XMZSH", "内科", 0, "outpatient", "POSTED", "", charged_fen=1834),))
    assert line("facts", facts).amount_fen == 1834
    assert line("replies", Reply("c1", ACCOUNT, "POSTED", refused=False, at=5)).code == "POSTED"
    assert line("view.institution-risk", b"{}").text == "2 bytes"


@pytest.mark.parametrize("entity", ["commands", "ledger", "errands", "dead-letters", "facts", "replies"])
def test_bytes_that_are_no_record_are_said_so(entity: str):
    """UNDECODABLE with their length, never an exception, never their content."""
    said = line(entity, b"secret")
    assert (said.code, said.text) == ("UNDECODABLE", "6 bytes that are no record of this topic")
