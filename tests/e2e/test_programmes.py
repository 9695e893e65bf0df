"""What happens between people, funders and offices, each journey once against a whole hub (domain 8 to 12)."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from cli_world import run
from journeys_world import Town, town

from hub.simulate.journeys import LASTING, cast
from schemas.city_time import city_date, day_start

pytestmark = pytest.mark.timeout(900)
PLAYED = {journey.__name__ for journey in LASTING}


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A city in which every lasting journey has been played, and everything has arrived."""
    async with town(tmp_path_factory.mktemp("town")) as made:
        await made.play([each for each in cast(made.city, "all") if each.name in PLAYED], early_ms=0)
        yield made


async def credit_of(played: Town, visit: str) -> tuple[int, int, str]:
    """Return (credit, self-pay, the credit step's reason) of a visit's only posted charge."""
    (charge,) = [each for each in await played.charges(visit) if each["status"] == "posted"]
    step = next(each for each in charge["decision"]["steps"] if each["name"] == "credit")
    allocated = charge["allocated"]
    return allocated["credit_fen"], allocated["self_pay_fen"], (step["reason"] or {}).get("code", "")


async def paid_debits(played: Town, bill: str) -> list[tuple[str, int]]:
    """Return (channel, fen) of the debits of a bill that moved money."""
    found = await played.get(f"/bills/{bill}")
    return [(each["channel"], each["amount_fen"]) for each in found["debits"] if each["state"] == "paid"]


async def member(played: Town, of: str) -> dict[str, Any]:
    """Return the only family link of the account that an id belongs to."""
    (found,) = (await played.person(of))["family"]["members"]
    return dict(found)


async def balance(played: Town, account: str) -> int:
    """Return a ledger account's balance over the whole journal: debits less credits."""
    query = (
        "SELECT coalesce(sum(CASE WHEN debit = $1 THEN amount_fen ELSE 0 END)"
        " - sum(CASE WHEN credit = $1 THEN amount_fen ELSE 0 END), 0)::bigint FROM journal"
        " WHERE debit = $1 OR credit = $1"
    )
    return int(await played.books.fetchval(query, account))


# ---- family --------------------------------------------------------------------------------------------------------


async def test_a_childs_charge_is_held_and_posted_on_the_parents_line_and_debited_from_the_parent(played: Town):
    """123.00 on the parent's line, one bill, one debit through the parent's contract; both sides see the link."""
    heard = played.of("minor_on_a_parents_line")
    assert await credit_of(played, heard["visit"]) == (12_300, 0, "")
    assert [each["amount_fen"] for each in await played.events(heard["agreement"], "family_hold_placed")] == [12_300]
    assert [each["amount_fen"] for each in await played.events(heard["agreement"], "family_credit_posted")] == [12_300]
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["state"], bill["amount_fen"], bill["agreement"]) == ("paid", 12_300, heard["agreement"])
    assert await paid_debits(played, heard["bill"]) == [("alipay", 12_300)]
    parent, child = await member(played, heard["agreement"]), await member(played, heard["link"])
    assert (parent["role"], parent["state"], child["role"], child["state"]) == (
        *("payer", "active"),
        *("dependent", "active"),
    )
    account = await played.person(heard["agreement"])
    assert (account["used_fen"], account["held_fen"], account["family"].get("holds", [])) == (0, 0, [])


async def test_what_a_parents_line_does_not_give_is_paid_at_the_window(played: Town):
    """5,100.00 on a line of 5,000.00: the hold is what the line has, and the reason is said."""
    heard = played.of("child_beyond_a_parents_line")
    assert await credit_of(played, heard["visit"]) == (500_000, 10_000, "CREDIT_EXHAUSTED")
    bill = await played.get(f"/bills/{heard['bill']}")
    assert bill["amount_fen"] == 500_000


async def test_a_grown_child_repays_while_the_parents_line_is_used(played: Town):
    """The bill stands on the parent's agreement; the debit goes to the child's contract under the link."""
    heard = played.of("grown_child_repays")
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["agreement"], bill["state"]) == (heard["agreement"], "paid")
    assert await paid_debits(played, heard["bill"]) == [("unionpay", 23_400)]
    (started,) = await played.events(heard["agreement"], "debit_started")
    contract = (await played.events(heard["payer"], "agreement_signed"))[0]["channel_agreement"]
    assert (started["link"], started["channel_agreement"]) == (heard["link"], contract)


async def test_unlinking_by_two_consents_leaves_the_open_bill_on_the_line_that_bore_it(played: Town):
    """Debited once, from the parent; the child's next charge finds no line."""
    heard = played.of("unlinked_with_an_open_bill")
    for side in (heard["agreement"], heard["link"]):
        found = await member(played, side)
        assert (found["state"], found["cause"]) == ("ended", "unlinked")
    assert await paid_debits(played, heard["bill"]) == [("alipay", 7_700)]
    credit, self_pay, reason = await credit_of(played, heard["after"])
    assert (credit, self_pay) == (0, 3_300)
    assert reason == "AGREEMENT_MISSING"


async def test_at_the_eighteenth_birthday_the_open_bill_moves_to_the_childs_own_line(played: Town):
    """The parent's bill is cancelled, the child's is debited once; nobody pays twice, no hold is left."""
    heard = played.of("came_of_age_with_an_open_bill")
    assert (await member(played, heard["link"]))["cause"] == "came_of_age"
    old, new = await played.get(f"/bills/{heard['bill']}"), await played.get(f"/bills/{heard['moved']}")
    assert (old["state"], old["amount_fen"], old["debits"]) == ("cancelled", 0, [])
    assert (new["state"], new["amount_fen"], new["agreement"]) == ("paid", 6_600, heard["own"])
    assert await paid_debits(played, heard["moved"]) == [("alipay", 6_600)]
    parent = await played.person(heard["agreement"])
    assert (parent["used_fen"], parent["held_fen"]) == (0, 0)


async def test_a_death_ends_link_and_agreement_and_nothing_is_debited_any_more(played: Town):
    """The open bill waits for a person; the child's next charge is paid at the window."""
    heard = played.of("died_with_an_open_bill")
    assert (await member(played, heard["link"]))["cause"] == "death"
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["frozen"], bill["open_fen"], bill["debits"]) == (True, 8_800, [])
    assert (await played.person(heard["agreement"]))["agreement"] == ""
    credit, self_pay, _ = await credit_of(played, heard["after"])
    assert (credit, self_pay) == (0, 2_200)


# ---- identity ------------------------------------------------------------------------------------------------------


async def test_a_merge_moves_prepayment_and_bill_to_the_surviving_record(played: Town):
    """30.00 prepaid and a bill of 140.00 go over; a later charge under the old id lands there; debited once."""
    heard = played.of("two_records_merged")
    survivor = await played.person(heard["survivor"])
    assert survivor["prepayments"] == {"XMDYY": 3_000}
    bills = {each["visit"]: each for each in survivor["bills"]}
    assert (bills[heard["visit"]]["state"], bills[heard["visit"]]["amount_fen"]) == ("paid", 14_000)
    assert heard["after"] in {each["visit"] for each in survivor["charges"]}


# ---- standing ------------------------------------------------------------------------------------------------------


async def test_an_overdue_bill_suspends_until_the_day_after_it_is_paid(played: Town):
    """Credit, none, none on the day of payment, credit again; reminders were sent in no quiet hour."""
    heard = played.of("overdue_then_resumed")
    assert await credit_of(played, heard["suspended"]) == (0, 4_400, "SUSPENDED")
    assert await credit_of(played, heard["same_day"]) == (0, 4_500, "SUSPENDED")
    assert await credit_of(played, heard["resumed"]) == (4_600, 0, "")
    standing = await played.get(f"/persons/{heard['agreement'][:26]}/standing")
    assert standing["overdue_total"] >= 1
    notices = (await played.get(f"/persons/{heard['agreement'][:26]}/notices"))["items"]
    assert {"reminder", "overdue"} <= {each["kind"] for each in notices}
    reminded = [each for each in notices if each["kind"] == "reminder"]
    assert all(8 <= (each["at"] // 3_600_000 + 8) % 24 < 22 for each in reminded)


async def test_a_wrong_overdue_is_undone_by_two_people_as_if_it_had_never_been(played: Town):
    """Counters, score message and suspension go back by one compensating event; alone nobody can."""
    heard = played.of("wrongly_overdue_undone")
    assert heard["alone"]["code"] == "SAME_PERSON"
    assert heard["together"]["outcome"] == "RECORDED"
    assert await credit_of(played, heard["after"]) == (3_200, 0, "")
    (undone,) = await played.events(heard["agreement"], "overdue_undone")
    assert (undone["author"], undone["confirmed_by"]) == ("C. Lin", "D. Wu")
    told = await played.events(heard["agreement"], "score_feedback")
    overdue, withdrawn = (next(e for e in told if e["kind"] == kind) for kind in ("overdue", "overdue_withdrawn"))
    assert withdrawn["withdraws"] == overdue["message"]
    approval = await played.get(f"/approvals/{heard['proposal']}")
    assert (approval["state"], approval["author"], approval["ended_by"]) == ("confirmed", "C. Lin", "D. Wu")


async def test_more_than_three_overdue_bars_until_two_people_take_the_name_off_the_black_list(played: Town):
    """Paid in full and still barred; one person alone takes nobody off."""
    heard = played.of("barred_after_four")
    assert await credit_of(played, heard["barred"]) == (0, 2_000, "BARRED")
    assert heard["alone"]["code"] == "SAME_PERSON"
    account = heard["agreement"][:26]
    assert account in {each["account"] for each in heard["listed"]["items"] if each["blacklisted"]}
    assert await credit_of(played, heard["free"]) == (2_100, 0, "")
    assert (heard["standing"]["blacklisted"], heard["standing"]["overdue_total"]) == (False, 4)


async def test_days_in_arrears_cut_the_line_and_the_payment_brings_it_back(played: Town):
    """2,000.00, a fifth less after one day in arrears of 300.00, 2,000.00 again once credit resumes."""
    heard = played.of("line_cut_while_in_arrears")
    assert [heard[when]["limit_fen"] for when in ("before", "cut", "restored")] == [200_000, 160_000, 200_000]
    (grown,) = await played.events(heard["agreement"], "arrears_grew")
    assert (grown["days"], grown["cut_percent"], grown["owed_fen"]) == (1, 20, 30_000)


async def test_a_name_on_the_white_list_takes_two_people(played: Town):
    """The author alone is refused; with another person the entry names both."""
    heard = played.of("listed_white_by_two")
    assert heard["alone"]["code"] == "SAME_PERSON"
    assert heard["together"]["outcome"] == "RECORDED"
    (entry,) = (await played.get(f"/persons/{heard['agreement'][:26]}/standing"))["lists"]
    assert (entry["colour"], entry["author"], entry["confirmed_by"]) == ("white", "C. Lin", "D. Wu")


async def test_twelve_months_on_time_earn_points_at_the_scores_source_once(played: Town):
    """Twelve bills of about 100.00, each repaid in its month: the pack's 60 points."""
    heard = played.of("twelve_months_on_time")
    rewards = [e for e in await played.events(heard["agreement"], "score_feedback") if e["kind"] == "reward"]
    assert [(each["points"], each["provider"]) for each in rewards] == [(60, "egret")]
    standing = await played.get(f"/persons/{heard['agreement'][:26]}/standing")
    assert (standing["overdue_total"], standing["on_time"]) == (0, 12)


async def test_six_clean_months_take_an_overdue_bill_off_the_counters(played: Town):
    """One in all before, none after."""
    heard = played.of("repaired_by_six_clean_months")
    assert heard["before"]["overdue_total"] == 1
    assert (await played.get(f"/persons/{heard['agreement'][:26]}/standing"))["overdue_total"] == 0
    assert len(await played.events(heard["agreement"], "overdue_repaired")) == 1


# ---- relief --------------------------------------------------------------------------------------------------------


async def test_civil_affairs_pay_a_bill_whose_term_stood_still(played: Town):
    """Two people; the seven days pass while the case is open, and nothing is overdue."""
    heard = played.of("civil_affairs_pay")
    assert heard["alone"]["code"] == "SAME_PERSON"
    assert (heard["meanwhile"]["overdue"], heard["meanwhile"]["open_fen"]) == (False, 31_000)
    assert heard["approved"]["outcome"] == "POSTED"
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["state"], bill["open_fen"]) == ("relieved", 0)
    case = await played.get(f"/relief-cases/{heard['case']}")
    assert (case["paid_fen"], case["author"], case["kind"]) == (31_000, "E. Gao", "civil_affairs")
    assert await played.events(heard["agreement"], "bill_overdue") == []


async def test_an_insurance_claim_pays_its_part_and_the_patient_owes_the_rest(played: Town):
    """120.00 of 200.00 by the claim; the account has used 80.00."""
    heard = played.of("insurance_claim_pays_part")
    assert heard["approved"]["outcome"] == "POSTED"
    (paid,) = await played.events(heard["agreement"], "relief_paid")
    assert paid["amount_fen"] == 12_000
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["paid_fen"], bill["open_fen"]) == (12_000, 8_000)


async def test_a_refused_case_only_stopped_the_clock(played: Town):
    """The term ends later by as long as the case was open; then the bill is overdue."""
    heard = played.of("fiscal_backstop_refused")
    assert heard["refused"]["state"] == "refused"
    (opened,) = await played.events(heard["agreement"], "term_paused")
    (resumed,) = await played.events(heard["agreement"], "term_resumed")
    (issued,) = await played.events(heard["agreement"], "bill_issued")
    assert resumed["due_at"] == issued["due_at"] + resumed["resumed_at"] - opened["paused_at"]
    assert not heard["resumed"]["overdue"]
    assert (await played.get(f"/bills/{heard['bill']}"))["overdue"]


# ---- banks and clearing --------------------------------------------------------------------------------------------


async def test_the_bank_pays_the_days_credit_less_what_was_taken_back_and_confirms_it(played: Town):
    """One batch of 400.00 for the pair and the day, its file's control totals, the bank's word in the ledger."""
    heard = played.of("advanced_by_the_bank")
    (batch,) = [
        each for each in (await played.get(f"/settlement-batches?day={heard['day']}"))["items"] if each["bank"] == "CCB"
    ]
    found = await played.until(f"/settlement-batches/{batch['batch']}", lambda each: each["state"] == "confirmed")
    totals = [found[name] for name in ("items", "credit_fen", "returned_fen", "carried_fen", "amount_fen")]
    assert totals == [2, 42_000, 2_000, 0, 40_000]
    assert [len(line) for line in found["file"].splitlines()] == [75, 67, 67, 123]
    assert await balance(played, "institution/XMDYY/advanced") >= 40_000


async def test_a_bank_collects_bill_and_fee_and_the_fee_keeps_to_the_cap(played: Town):
    """Nothing before day 43; penalty and interest together never above 1.5 times the LPR, rounded down."""
    heard = played.of("collected_by_the_bank")
    assert heard["more"]["code"] == "BILL_NOT_PAYABLE"
    assert heard["whole"]["outcome"] == "POSTED"
    fees = await played.events(heard["agreement"], "fee_accrued")
    (issued,) = await played.events(heard["agreement"], "bill_issued")
    assert issued["fee_at"] >= day_start(city_date(issued["closed_at"]) + timedelta(days=43))
    charged = sum(each["fee_fen"] for each in fees)
    days = len(fees)
    cap = sum(each["principal_fen"] * 3 * each["lpr_bp"] for each in fees) // (2 * 10_000 * 365)
    assert days >= 25
    assert 0 < charged <= cap <= 300_000 * 3 * 300 * days // (2 * 10_000 * 365) + 1
    bill = await played.get(f"/bills/{heard['bill']}")
    assert (bill["state"], bill["paid_fen"]) == ("paid", 300_000)


async def test_a_default_is_the_banks_loss_and_the_hospital_keeps_its_money(played: Town):
    """Refused before it is overdue; afterwards 800.00 are the bank's loss, 300.00 of it come in later."""
    heard = played.of("default_borne_by_the_bank")
    assert heard["early"]["code"] == "BILL_NOT_PAYABLE"
    assert heard["lost"]["outcome"] == "POSTED"
    assert heard["later"]["outcome"] == "POSTED"
    assert (await played.get(f"/bills/{heard['bill']}"))["state"] == "written_off"
    (lost,) = await played.events(heard["agreement"], "bill_written_off")
    assert (lost["funder"], lost["amount_fen"]) == ("bank/ICBC", 80_000)
    assert await balance(played, "bank/ICBC/losses") == 50_000
    account = await played.person(heard["agreement"])
    assert (account["status"], account["used_fen"]) == ("suspended", 0)


async def test_each_day_is_closed_and_the_books_of_channels_hospitals_and_banks_agree(played: Town):
    """The first day by `reconcile --json`: every side's file read in its layout, every entry matched."""
    day = date.fromisoformat(played.of("advanced_by_the_bank")["day"])
    books = {"alipay", "unionpay", "bank:CCB", "bank:ICBC", "HIS@XMZSH", "HIS@XMDYY"}
    found = await played.until(
        f"/reconciliations/{day}", lambda each: books <= {one["theirs"] for one in each["comparisons"]}
    )
    assert found["closed"]
    said = await run(played.settings, "reconcile", str(day), "--url", played.addresses["web"], "--json")
    answer = said.valid("reconcile")
    assert {each["difference_fen"] for each in answer["comparisons"]} == {0}
    assert books <= {each["theirs"] for each in answer["comparisons"]}
    assert (said.status, answer["equal"]) == (0, True)
    close = await played.get(f"/day-closes/{day}")
    charged = sum(each["credit_fen"] for each in await _credit_rows(played, day, "institution"))
    assert close["credit_fen"] == charged > 0
    assert close["credit_fen"] == sum(each["credit_fen"] for each in await _credit_rows(played, day, "person"))


async def test_what_a_channels_file_tells_otherwise_is_named_with_its_cause(played: Town):
    """A day cut, a refund made only there, a fen more; a file that broke first was read whole the next time."""
    heard = played.of("told_otherwise_by_the_channels")
    orders = {name: (await played.get(f"/bills/{bill}"))["debits"][0] for name, bill in heard.items()}
    day = city_date(orders["next_day"]["started_at"])
    found = await played.until(f"/reconciliations/{day}", lambda each: {"alipay", "unionpay"} <= _final(each))
    books = {each["theirs"]: each for each in found["comparisons"]}
    alipay, unionpay = (
        {each["key"]: (each["cause"]["code"], each["difference_fen"]) for each in books[name]["sets"][0]}
        for name in ("alipay", "unionpay")
    )
    assert alipay.pop(orders["next_day"]["order_no"]) == ("DAY_CUT", 124)
    assert list(alipay.values()) == [("PARTIAL_REFUND", 1)]
    assert unionpay == {orders["a_fen_more"]["order_no"]: ("AMOUNT_DIFFERS", -1)}
    assert {each["book"]: each["state"] for each in found["files"]}["unionpay"] == "read"
    assert all(each["proven"] and each["unique"] for each in books.values())
    said = await run(played.settings, "reconcile", str(day), "--url", played.addresses["web"], "--json")
    assert said.status == 1


def _final(found: dict[str, Any]) -> set[str]:
    return {each["theirs"] for each in found["comparisons"] if each["final"]}


async def test_the_books_hold_after_all_of_it(played: Town):
    """Every invariant of `verify`, after more than a year of the city."""
    assert (await played.verified())["ok"]


async def _credit_rows(played: Town, day: date, scope: str) -> list[dict[str, Any]]:
    rows = await played.books.fetch("SELECT * FROM clearing.daily_credit WHERE day = $1 AND scope = $2", day, scope)
    return [dict(row) for row in rows]
