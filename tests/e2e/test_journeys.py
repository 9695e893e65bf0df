"""Each planted journey once, against a whole hub: what the senders hear, and what the books hold then."""

from collections.abc import AsyncIterator

import pytest
from journeys_world import Town, town

from hub.simulate.journeys import LASTING, PLANTED, PROGRAMMES, cast
from schemas.city_time import HOUR_MS

pytestmark = pytest.mark.timeout(400)
HOURS_TO_THE_THIRD_TRY = 34
"""From the end of the longest journey, past 10:00 of the third day on which a bill is debited."""
PLAYED = {journey.__name__ for journey in (*PLANTED, *PROGRAMMES) if journey not in LASTING}


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A city in which every planted journey has been played, and everything has arrived."""
    async with town(tmp_path_factory.mktemp("town")) as made:
        await made.play([each for each in cast(made.city, "all") if each.name in PLAYED])
        await made.move_to(made.city.clock.city() + HOURS_TO_THE_THIRD_TRY * HOUR_MS)
        await made.settle()
        yield made


async def test_a_prepayment_is_topped_up_spent_and_refunded_to_its_last_fen(played: Town):
    """120.00 in two payments less a charge of 40.00: 80.01 is refused, 80.00 goes back, nothing is left."""
    heard = played.of("topped_up_and_refunded")
    assert heard["more"]["code"] == "PREPAYMENT_EXCEEDS"
    assert heard["rest"]["outcome"] == "POSTED"
    person = await played.person(heard["agreement"])
    assert person["prepayments"] == {"XMZSH": 0}
    assert person["used_fen"] == 0
    refunds = await played.events(heard["agreement"], "prepayment_refunded")
    assert [each["amount_fen"] for each in refunds] == [8_000]


async def test_presets_of_visit_day_and_item_class_hold_credit_back(played: Town):
    """Nothing of 2,500 in one visit; nothing of 1,500 after 2,000 on the day; next day nothing of 1,500 consumables."""
    heard = played.of("presets_hold_credit_back")
    assert await played.split(heard["visit"]) == {"self_pay": 250_000}
    assert await played.split(heard["day"]) == {"self_pay": 150_000}
    assert await played.split(heard["class"]) == {"self_pay": 150_000}
    for preset in ("visit", "day", "class"):
        assert await played.reason(heard[preset]) == "PRESET_EXCEEDED"


async def test_the_citys_pack_gives_credit_in_every_scene(played: Town):
    """One charge of each of the five scenes, all of it on credit."""
    heard = played.of("every_scene")
    for scene in ("outpatient", "emergency", "inpatient", "pharmacy", "internet"):
        (charge,) = await played.charges(heard[scene])
        assert charge["scene"] == scene
        assert charge["allocated"]["credit_fen"] == 1_000


async def test_a_scene_the_pack_does_not_cover_is_self_pay(played: Town):
    """An internet visit under the platform's pack: no credit, and the reason."""
    heard = played.of("internet_is_not_covered")
    assert await played.split(heard["visit"]) == {"self_pay": 2_000}
    assert await played.reason(heard["visit"]) == "SCENE_NOT_COVERED"


async def test_a_stays_charges_capture_what_was_held_for_it(played: Town):
    """3,000 of the line and 600 of 1,000 prepaid are held; two charges take them, the discharge frees the rest."""
    heard = played.of("stay_on_holds")
    assert heard["too_much"]["code"] == "HOLD_EXCEEDS"
    assert await played.split(heard["stay"]) == {"prepayment": 100_000, "credit": 140_000}
    assert await played.split(heard["beside"]) == {"credit": 200_000, "self_pay": 50_000}
    assert await played.reason(heard["beside"]) == "CREDIT_EXHAUSTED"
    captured = await played.events(heard["agreement"], "hold_captured")
    assert [each["amount_fen"] for each in captured] == [60_000, 140_000]
    released = await played.events(heard["agreement"], "hold_released")
    assert [(each["amount_fen"], each["cause"]) for each in released] == [(160_000, "discharged"), (0, "discharged")]
    assert (await played.bill(heard["stay"]))["amount_fen"] == 140_000
    assert (await played.person(heard["agreement"]))["held_fen"] == 0


async def test_a_hold_is_completed_by_one_charge_or_given_back(played: Town):
    """500 of 800 are captured and 300 freed; a captured hold is closed; another is voided; outpatients have none."""
    heard = played.of("hold_captured_and_voided")
    assert heard["captured"]["allocation"]["credit_fen"] == 50_000
    assert heard["again"]["code"] == "HOLD_CLOSED"
    assert heard["voided"]["outcome"] == "RECORDED"
    assert heard["outpatient"]["code"] == "SCENE_NOT_COVERED"
    released = await played.events(heard["agreement"], "hold_released")
    assert [(each["amount_fen"], each["cause"]) for each in released] == [(30_000, "captured"), (80_000, "voided")]
    person = await played.person(heard["agreement"])
    assert (person["used_fen"], person["held_fen"]) == (50_000, 0)


async def test_part_of_a_charge_goes_back_against_the_order_of_its_split(played: Town):
    """475 = 100 + 50 + 325; 200 back is credit; 200 more is 125 credit, 50 prepayment and 25 of the account."""
    heard = played.of("part_goes_back")
    reduced = await played.events(heard["agreement"], "charge_reduced")
    assert [each["returned"] for each in reduced] == [
        {"credit_fen": 20_000},
        {"credit_fen": 12_500, "prepayment_fen": 5_000, "account_fen": 2_500},
    ]
    person = await played.person(heard["agreement"])
    assert (person["used_fen"], person["prepayments"], person["insurance_fen"]) == (0, {"XMZSH": 5_000}, 2_500)


async def test_a_paid_charge_is_refunded_to_the_sources_that_paid(played: Town):
    """320 of 350 go back: 1.14 through the gateway that took it, 298.86 to the balance, 20 to the prepayment."""
    heard = played.of("paid_charge_goes_back_to_its_sources")
    (charge,) = await played.charges(heard["visit"])
    assert (charge["returned"]["credit_fen"], charge["returned"]["prepayment_fen"]) == (30_000, 2_000)
    settled = await played.events(heard["agreement"], "refund_settled")
    assert [each["amount_fen"] for each in settled] == [114]
    person = await played.person(heard["agreement"])
    assert (person["refundable_fen"], person["prepayments"]) == (29_886, {"XMZSH": 2_000})
    assert (await played.bill(heard["visit"]))["open_fen"] == 0


async def test_every_patient_is_served_and_an_older_score_changes_nothing(played: Town):
    """500 without a score; 2,000 by the city's score of 600; the older one of 700 is late."""
    heard = played.of("everyone_is_served")
    assert await played.split(heard["unscored"]) == {"credit": 50_000, "self_pay": 10_000}
    assert await played.split(heard["scored"]) == {"credit": 70_000}
    (signed,) = await played.events(heard["agreement"], "agreement_signed")
    assert (signed["provider"], signed["limit_fen"]) == ("none", 50_000)
    person = await played.person(heard["agreement"])
    assert (person["pack"], person["limit_fen"]) == ("zhongshan-2021", 200_000)
    assert "LATE" in await played.outcomes(heard["agreement"])


async def test_the_citys_score_counts_before_sesame_and_sesame_before_a_banks(played: Town):
    """The line follows 2,000 by the bank, 3,000 by Sesame, 500 by Egret: the order of the pack, not the best."""
    heard = played.of("scores_by_precedence")
    lines = await played.events(heard["agreement"], "line_set")
    assert [(each["provider"], each["limit_fen"]) for each in lines] == [
        ("bank", 200_000),
        ("sesame", 300_000),
        ("egret", 50_000),
    ]


async def test_a_visit_of_2021_stands_under_the_first_pilot(played: Town):
    """Told in 2026: 2,000 of 2,100 on credit, payable until 23:00 of the day after, and paid by name."""
    heard = played.of("pilot_visit_told_late")
    (charge,) = await played.charges(heard["visit"])
    assert charge["pack"] == "zhongshan-pilot-2020"
    assert await played.split(heard["visit"]) == {"credit": 200_000, "self_pay": 10_000}
    bill = await played.bill(heard["visit"])
    assert (bill["state"], bill["overdue"]) == ("paid", False)
    assert played.clock_text(bill["due_at"]).endswith("23:00")
    assert heard["paid"]["applied"] == [{"bill": bill["bill"], "amount_fen": 200_000}]


async def test_a_dishonesty_record_bars_and_its_end_opens_the_stomatological_hospital(played: Town):
    """Refused with the reason; cleared, the bill has three days; a new record is the kiosk's answer."""
    heard = played.of("clean_record_first")
    assert heard["refused"]["code"] == "DISHONESTY"
    assert (heard["kiosk"]["reason"], heard["kiosk"]["next_step"]) == ("DISHONESTY", "ask_the_credit_office")
    bill = await played.bill(heard["visit"])
    assert (bill["pack"], bill["amount_fen"]) == ("stomatology-2020", 30_000)
    assert bill["due_at"] - bill["closed_at"] == 3 * 86_400_000


async def test_the_island_asks_for_a_linked_card_and_the_insurers_check(played: Town):
    """A kiosk names each missing step; who failed the check is refused; at last the card alone is enough."""
    heard = played.of("insurance_credit_checked")
    assert heard["first"]["next_step"] == "link_insurance_at_counter"
    assert heard["unchecked"]["code"] == "INSURANCE_CREDIT"
    assert heard["failed"]["code"] == "INSURANCE_CREDIT"
    assert (heard["kiosk"]["reason"], heard["kiosk"]["next_step"]) == ("INSURANCE_CREDIT", "ask_the_insurer")
    last = heard["last"]
    assert (last["eligible"], last["available_fen"], last["pack"]) == (True, 300_000, "pingtan-2025")


async def test_a_visit_told_in_hl7_is_settled_as_a_whole_at_its_end(played: Town):
    """40, 120 and 90 wait; the discharge makes one charge of 250 of them, 50 of the account and 200 on one bill."""
    heard = played.of("settled_as_a_whole_in_hl7")
    charges = await played.charges(heard["visit"])
    assert [each["status"] for each in charges] == ["settled", "settled", "settled", "posted"]
    assert await played.split(heard["visit"]) == {"account": 5_000, "credit": 20_000}
    bill = await played.bill(heard["visit"])
    assert bill["amount_fen"] == 20_000
    assert played.clock_text(bill["due_at"]).endswith("00:00")


async def test_a_visit_told_in_fhir_is_settled_as_a_whole_by_the_insurers_figures(played: Town):
    """80 and 70 wait; the ClaimResponse settles 90 of the fund and 20 of the account; 40 stand on one bill."""
    heard = played.of("settled_as_a_whole_in_fhir")
    charges = await played.charges(heard["visit"])
    assert [each["status"] for each in charges] == ["settled", "settled", "posted"]
    assert await played.split(heard["visit"]) == {"fund": 9_000, "account": 2_000, "credit": 4_000}
    assert (await played.bill(heard["visit"]))["amount_fen"] == 4_000


async def test_who_withdraws_has_no_credit_until_signing_again(played: Town):
    """A second signature is refused; between the agreements a visit is self-pay; the first bill stays as agreed."""
    heard = played.of("left_and_came_back")
    assert heard["twice"]["code"] == "AGREEMENT_EXISTS"
    assert heard["left"]["outcome"] == "RECORDED"
    assert await played.split(heard["between"]) == {"self_pay": 4_000}
    assert await played.reason(heard["between"]) == "AGREEMENT_MISSING"
    before, after = await played.bill(heard["before"]), await played.bill(heard["after"])
    assert (before["agreement"], before["channel"]) == (heard["first"], "alipay")
    assert (after["agreement"], after["channel"]) == (heard["agreement"], "unionpay")


async def test_the_bank_a_citizen_chooses_gives_the_line_it_offers(played: Town):
    """Without a bank the city's pack signs nobody; CCB offers 8,000 from a score of 651."""
    heard = played.of("bank_of_choice")
    assert heard["none"]["code"] == "BANK_MISSING"
    person = await played.person(heard["agreement"])
    assert (person["bank"], person["limit_fen"]) == ("CCB", 800_000)


async def test_a_kiosk_answers_in_one_call_with_the_reason(played: Town):
    """Unsigned, unscored, ready with every balance, not in this scene, used up: each with what to do next."""
    heard = played.of("asked_at_the_kiosk")
    said = {name: (heard[name]["reason"], heard[name]["next_step"]) for name in heard if name != "agreement"}
    assert said == {
        "stranger": ("AGREEMENT_MISSING", "sign_agreement"),
        "unscored": ("NO_LINE", "pay_at_counter"),
        "ready": ("", ""),
        "used_up": ("CREDIT_EXHAUSTED", "repay_bills"),
        "internet": ("SCENE_NOT_COVERED", "pay_at_counter"),
    }
    ready = heard["ready"]
    assert (ready["eligible"], ready["available_fen"]) == (True, 500_000)
    assert (ready["prepayment_fen"], ready["insurance_fen"]) == (2_000, 3_000)
    assert ready["deposit_waived"]
    assert {"priority_bed", "dedicated_booking"} <= set(ready["entitlements"])


async def test_citizen_id_card_code_and_hospital_number_name_one_person(played: Town):
    """An unlinked card is sent to the counter; linked, all four get the same answer about the same account."""
    heard = played.of("one_person_many_numbers")
    assert heard["stranger"]["next_step"] == "link_insurance_at_counter"
    about = ("eligible", "available_fen", "used_fen", "insurance_linked", "pack")
    answers = [{name: heard[who][name] for name in about} for who in ("citizen", "card", "code", "number")]
    assert answers == [answers[0]] * 4
    assert (answers[0]["eligible"], answers[0]["used_fen"]) == (True, 1_000)
    accounts = {heard[who]["id"][:26] for who in ("citizen", "card", "code", "number")}
    assert accounts == {heard["agreement"][:26]}
    assert (await played.person(heard["agreement"]))["prepayments"] == {"XMFYB": 0}


async def test_payments_go_to_the_oldest_or_the_named_bill_and_too_much_comes_back(played: Town):
    """100 to the older bill, 200 to the newer by name, then 250: 200 pay the older, 50 are refunded, not 50.01."""
    heard = played.of("partial_named_and_over")
    older, newer = await played.bill(heard["older"]), await played.bill(heard["newer"])
    assert heard["part"]["applied"] == [{"bill": older["bill"], "amount_fen": 10_000}]
    assert heard["named"]["applied"] == [{"bill": newer["bill"], "amount_fen": 20_000}]
    assert heard["over"]["applied"] == [{"bill": older["bill"], "amount_fen": 20_000}]
    assert heard["over"]["refundable_fen"] == 5_000
    assert heard["more"]["code"] == "BALANCE_EXCEEDS"
    assert (older["state"], newer["state"]) == ("paid", "paid")
    assert (older["debits"], newer["debits"]) == ([], [])
    (refunded,) = await played.events(heard["agreement"], "balance_refunded")
    assert (refunded["amount_fen"], refunded["method"]) == (5_000, "counter")
    assert (await played.person(heard["agreement"]))["refundable_fen"] == 0


async def test_a_charge_after_the_payment_stands_on_a_bill_of_its_own(played: Town):
    """The first bill stays paid as it was; the second is marked supplementary, with later clocks."""
    heard = played.of("supplementary_after_payment")
    first, second = await played.bills(heard["visit"])
    assert (first["state"], first["amount_fen"], first["supplementary"]) == ("paid", 114, False)
    assert (second["state"], second["amount_fen"], second["supplementary"]) == ("issued", 1_700, True)
    assert second["due_at"] - first["due_at"] >= 80 * 3_600_000


async def test_a_dead_contract_hands_over_to_the_next_consented_source(played: Town):
    """The first debit fails at Alipay for good; the next one goes through the UnionPay contract of the consent."""
    heard = played.of("second_channel_by_consent")
    assert heard["consented"]["outcome"] == "RECORDED"
    bill = await played.bill(heard["visit"])
    assert [(each["channel"], each["state"]) for each in bill["debits"]] == [
        ("alipay", "failed"),
        ("unionpay", "failed"),
    ]
    (ended,) = await played.events(heard["agreement"], "channel_agreement_ended")
    assert ended["channel"] == "alipay"
    assert (bill["state"], bill["open_fen"]) == ("issued", 104)


async def test_the_next_consented_source_pays(played: Town):
    """Dead at Alipay, paid at UnionPay: the bill is settled before its term, under one order number each."""
    heard = played.of("second_channel_pays")
    bill = await played.bill(heard["visit"])
    assert [(each["channel"], each["state"]) for each in bill["debits"]] == [("alipay", "failed"), ("unionpay", "paid")]
    assert len({each["order_no"] for each in bill["debits"]}) == 2
    assert (bill["state"], bill["open_fen"], bill["overdue"]) == ("paid", 0, False)
    (ended,) = await played.events(heard["agreement"], "channel_agreement_ended")
    assert ended["channel"] == "alipay"
    assert (await played.person(heard["agreement"]))["used_fen"] == 0


async def test_a_frozen_bill_waits_for_two_people(played: Town):
    """Nothing is debited at 72 h; the same person twice is refused; freed by two, the bill is debited at once."""
    heard = played.of("frozen_and_freed")
    assert [heard[name].get("outcome") for name in ("frozen", "first", "other")] == ["RECORDED", "HELD", "RECORDED"]
    assert heard["same"]["code"] == "SAME_PERSON"
    bill = await played.bill(heard["visit"])
    (debit,) = bill["debits"]
    assert (bill["state"], debit["state"]) == ("paid", "paid")
    assert debit["started_at"] >= bill["closed_at"] + 80 * 3_600_000


async def test_a_bank_that_bills_by_the_month_makes_one_due_date_of_two_visits(played: Town):
    """Both bills stand on the statement of the 5th and are due at 23:00 of the 43rd day after it."""
    heard = played.of("billed_by_the_month")
    (statement,) = await played.events(heard["agreement"], "statement_issued")
    first, second = await played.bill(heard["first"]), await played.bill(heard["second"])
    assert (statement["amount_fen"], statement["bills"]) == (20_000, [first["bill"], second["bill"]])
    assert played.clock_text(statement["statement_on"]) == "2026-07-05 00:00"
    assert {played.clock_text(each["due_at"]) for each in (statement, first, second)} == {"2026-08-17 23:00"}


async def test_a_revoked_consent_stops_new_credit_until_it_is_given_again(played: Town):
    """The kiosk says to renew it; a visit is self-pay; after a new consent credit pays; the old debt stays."""
    heard = played.of("consent_taken_back")
    assert (heard["kiosk"]["reason"], heard["kiosk"]["next_step"]) == ("CONSENT", "renew_consent")
    assert await played.split(heard["without"]) == {"self_pay": 7_000}
    assert await played.reason(heard["without"]) == "CONSENT"
    assert await played.split(heard["again"]) == {"credit": 8_000}
    assert (await played.bill(heard["before"]))["amount_fen"] == 6_000


async def test_a_prepayment_without_a_real_name_owner_is_found_and_listed(played: Town):
    """73.00 under a hospital's number that nobody is linked to stands in the list of unclaimed prepayments."""
    account = played.of("nobody_claims_it")["kiosk"]["id"][:26]
    listed = {each["account"]: each["total_fen"] for each in (await played.get("/unclaimed-prepayments"))["items"]}
    assert listed[account] == 7_300


async def test_every_planted_journey_was_played_to_its_end(played: Town):
    """None ended by an error, and the hub's own invariants hold over all of them."""
    assert [name for name, heard in played.heard.items() if isinstance(heard, BaseException)] == []
    assert set(played.heard) == PLAYED
    assert (await played.verified())["ok"]


async def test_every_source_pays_its_part_of_a_charge(played: Town):
    """475 = 100 of the insurance account + 50 prepaid + 325 on credit (domain 4.2, row 1)."""
    heard = played.of("every_source_pays")
    assert await played.split(heard["visit"]) == {"account": 10_000, "prepayment": 5_000, "credit": 32_500}
    assert (await played.bill(heard["visit"]))["amount_fen"] == 32_500


async def test_without_an_agreement_the_window_is_paid(played: Town):
    """All of it is self-pay, and the explanation says why."""
    visit = played.of("no_agreement_pays_at_the_window")["visit"]
    assert await played.split(visit) == {"self_pay": 8_800}
    assert await played.reason(visit) == "AGREEMENT_MISSING"


async def test_the_citys_pack_debits_on_the_banks_due_date(played: Town):
    """ICBC offers 5,000 from 651; the bill is due at 23:00 of the 43rd day and debited at 9:00 of that day."""
    heard = played.of("city_pack_gives_its_tier")
    assert (await played.person(heard["visit"]))["limit_fen"] == 500_000
    bill = await played.bill(heard["visit"])
    assert (played.clock_text(bill["debit_at"]), played.clock_text(bill["due_at"])) == (
        "2026-08-13 09:00",
        "2026-08-13 23:00",
    )


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_a_debit_without_money_is_tried_again_when_money_is_likely_there(played: Town, channel: str):
    """1.02 fails at 72 h and again; each failure plans the next try at 10:00 of a later day; the third is paid."""
    heard = played.of(f"debit_of_102_{channel}")
    bill = await played.bill(heard["visit"])
    tries = [(each["state"], each["cause"]) for each in bill["debits"]]
    assert tries == [("failed", "nsf"), ("failed", "nsf"), ("paid", "")]
    failed = await played.events(heard["visit"], "debit_failed")
    assert [played.clock_text(each["retry_at"])[11:] for each in failed] == ["10:00", "10:00"]
    assert (bill["state"], bill["paid_fen"], bill["overdue"]) == ("paid", 102, False)


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_a_debit_whose_answer_was_lost_is_asked_about_and_moved_once(played: Town, channel: str):
    """1.10: the line is cut after the money moved; a query finds it paid, under the one order number."""
    heard = played.of(f"debit_of_110_{channel}")
    assert await played.events(heard["visit"], "debit_unknown")
    (debit,) = (await played.bill(heard["visit"]))["debits"]
    assert (debit["state"], debit["amount_fen"]) == ("paid", 110)


async def test_a_notice_that_comes_three_times_pays_once(played: Town):
    """1.14 is paid once; the repeats are told apart."""
    heard = played.of("debit_of_114_alipay")
    bill = await played.bill(heard["visit"])
    assert (bill["paid_fen"], len(bill["debits"])) == (114, 1)
    assert len(await played.events(heard["visit"], "debit_paid")) == 1


async def test_a_credit_in_the_visit_leaves_the_rest_on_the_bill(played: Town):
    """400 less 100 taken back before the discharge."""
    heard = played.of("reversal_in_the_visit")
    assert (await played.bill(heard["visit"]))["amount_fen"] == 30_000


async def test_a_wrong_line_and_too_high_a_credit_are_refused_and_kept(played: Town):
    """The line that does not multiply is answered AE; the credit above its charge waits for a person."""
    heard = played.of("refused_lines")
    assert "MSA|AE" in heard["bad"]
    assert "AMOUNT_MISMATCH" in heard["bad"]
    assert await played.split(heard["visit"]) == {"credit": 3_000}
    letters = {each["reason"]["code"] for each in (await played.get("/dead-letters"))["items"]}
    assert {"AMOUNT_MISMATCH", "CREDIT_EXCEEDS"} <= letters


async def test_a_charge_after_the_discharge_revises_the_bill(played: Town):
    """60 and, three hours later, 15: one bill of 75 in its second revision, with the clocks of the first."""
    heard = played.of("late_charge")
    bill = await played.bill(heard["visit"])
    assert (bill["amount_fen"], bill["revision"], bill["supplementary"]) == (7_500, 2, False)
    assert bill["debit_at"] == bill["closed_at"] + 72 * HOUR_MS


async def test_money_of_a_debited_bill_goes_back_when_its_line_is_taken_back(played: Town):
    """44 were debited; the line is taken back whole: the refund reaches its source, nothing is owed."""
    heard = played.of("refunded_after_the_debit")
    bill = await played.bill(heard["visit"])
    assert (bill["amount_fen"], bill["open_fen"]) == (0, 0)
    assert [each["amount_fen"] for each in await played.events(heard["visit"], "refund_settled")] == [4_400]
    assert (await played.person(heard["visit"]))["refundable_fen"] == 0


async def test_a_number_hands_its_prepayment_over_when_it_is_linked(played: Town):
    """20 before the link are self-pay; 30 prepaid under the number pay, with 60 of credit, 90 after it."""
    heard = played.of("number_linked_later")
    assert await played.split(heard["first"]) == {"self_pay": 2_000}
    assert await played.split(heard["second"]) == {"prepayment": 3_000, "credit": 6_000}


async def test_a_bill_repaid_before_its_time_is_never_debited(played: Town):
    """Paid at a counter after six hours: no debit begins at 72 h."""
    bill = await played.bill(played.of("repaid_before_the_debit")["visit"])
    assert (bill["state"], bill["paid_fen"], bill["debits"]) == ("paid", 7_700, [])


async def test_only_the_insurers_figures_count_once_it_has_settled(played: Town):
    """800 = 500 fund + 60 account + 240 cash on credit; the 100 the hub keeps stay (domain 4.2, row 3)."""
    heard = played.of("settled_by_insurance")
    assert await played.split(heard["visit"]) == {"fund": 50_000, "account": 6_000, "credit": 24_000}
    assert (await played.person(heard["visit"]))["insurance_fen"] == 10_000


async def test_a_resource_posted_twice_is_booked_once(played: Town):
    """The ChargeItem of 42.50 came twice."""
    assert await played.split(played.of("fhir_visit")["visit"]) == {"credit": 4_250}


async def test_what_an_engine_sends_again_and_late_is_booked_once(played: Town):
    """51 came twice, 23 three times, the last ones after the discharge: three repeats at least, one bill of 74.

    On a slow machine an engine that waits too long for its answer repeats itself once more.
    """
    heard = played.of("resent_by_the_engine")
    assert (await played.outcomes(heard["visit"])).count("DUPLICATE") >= 3
    assert len(await played.charges(heard["visit"])) == 2
    assert (await played.bill(heard["visit"]))["amount_fen"] == 7_400
