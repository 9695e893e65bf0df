"""ADT^A40 on the wire: PID-3 survives, MRG-1 is retired and its account gets the command (protocols 2.1, 11)."""

import pytest
from hl7_messages import CITY_KEY, WORKED_TEXT, accepted, adt, edited, original, refused
from test_hl7_bad_input import one_error

from schemas.commands import MergePatient
from schemas.ids import account_id
from schemas.reasons import Reason

OLD_ID, NEW_ID = "350299199003070033", "350299199003070025"
OLD_NO = account_id(CITY_KEY, "number", "XMZSH|P0000001")
NEW_NO = account_id(CITY_KEY, "number", "XMZSH|P0091827")


def a40(mrg: str = "P0000001^^^XMZSH^MR", **fields: str) -> bytes:
    """Return an A40 of the worked patient; a merge needs no visit."""
    lines = edited(WORKED_TEXT, {"MSH_9": "ADT^A40^ADT_A39", "EVN_1": "A40", **fields}).split("\r")[:3]
    return "".join(f"{line}\r" for line in (*lines, f"MRG|{mrg}")).encode()


def test_a_retired_hospital_number_gets_the_merge_and_learns_its_survivor():
    """Routed to MRG-1's account; PID-3 with citizen id and number is the survivor."""
    message = accepted(a40())
    assert isinstance(message.body, MergePatient)
    assert (message.account, message.body.retired.number) == (OLD_NO, OLD_NO)
    assert message.body.survivor.number == NEW_NO
    assert message.body.survivor.person == account_id(CITY_KEY, "person", NEW_ID)


def test_persons_merge_only_where_both_citizen_ids_are_named():
    """Both NI and different: the retired person's account; the same NI twice: the hospital numbers merge."""
    both = accepted(a40(f"P0000001^^^XMZSH^MR~{OLD_ID}^^^NHSA^NI"))
    assert both.account == account_id(CITY_KEY, "person", OLD_ID)
    same = accepted(a40(f"P0000001^^^XMZSH^MR~{NEW_ID}^^^NHSA^NI"))
    assert same.account == OLD_NO


def test_row_38_a_merge_without_mrg_1_is_refused():
    """AE 101 MERGE_INVALID, with and without the segment."""
    for payload in (a40(""), a40("^^^XMZSH^MR"), adt("A40")):
        assert one_error(original(payload))[0::2] == ("AE", "101")
        assert refused(payload).reason == Reason.MERGE_INVALID


@pytest.mark.parametrize("mrg", ["P0091827^^^XMZSH^MR", f"{NEW_ID}^^^NHSA^NI"])
def test_row_38_a_survivor_that_is_the_retired_one_is_refused(mrg: str):
    """AE 207 MERGE_INVALID."""
    assert one_error(original(a40(mrg)))[0::2] == ("AE", "207")
    assert refused(a40(mrg)).reason == Reason.MERGE_INVALID


def test_two_citizen_ids_in_mrg_1_are_a_conflict():
    """IDENTITY_CONFLICT, as in PID-3."""
    assert refused(a40(f"{NEW_ID}^^^NHSA^NI~{OLD_ID}^^^NHSA^NI")).reason == Reason.IDENTITY_CONFLICT


def test_a_repeat_is_the_same_command():
    """The same bytes give the same id and account, so the account recognises it."""
    first, again = accepted(a40()), accepted(a40())
    assert (first.command_id, first.account, first.content_hash) == (
        again.command_id,
        again.account,
        again.content_hash,
    )
