"""What a pack asks before it gives credit, whose score decides, and the kiosk's answer (domain 5)."""

import pytest
from domain_world import DAY, EXAMPLE, NUMBER, PERSON, START, XIAMEN, A, World, charge, line, score, signing
from msgspec.structs import replace
from standing_world import CITED, STEPPING, city, kinds, owe, pay

from hub.policies.clauses import Enrolment, Tier
from schemas.commands import (
    CheckEligibility,
    DepositInsuranceAccount,
    LinkInsurance,
    RecordDishonesty,
    RecordInsuranceCredit,
    RevokeConsent,
    Subject,
    WithdrawAgreement,
)

PINGTAN = Enrolment(insured_only=True, insurance_link=True, insurance_credit_check=True, citation=CITED)
STOMATOLOGY = Enrolment(dishonesty_check=True, citation=CITED)
EVERYONE = Enrolment(who="everyone", citation=CITED)
TIERS = (
    Tier("egret", 0, 199, 50_000, offer=False, citation=CITED),
    Tier("egret", 200, 10**6, 200_000, offer=False, citation=CITED),
    Tier("sesame", 650, 10**6, 100_000, offer=False, citation=CITED),
    Tier("bank", 60, 10**6, 80_000, offer=False, citation=CITED),
    Tier("none", 0, 0, 30_000, offer=False, citation=CITED),
)


def stranger(**changed: object) -> World:
    """Return a person nobody enrolled yet, in a city with these clauses."""
    return World(city(**changed))


def ask(world: World, **about: object) -> dict:
    """Ask the kiosk's question."""
    world.send(CheckEligibility(A, "outpatient", world.city, **about), interface="api")
    return world.reply.result


def link(world: World, card: str = NUMBER):
    """Link a card at the counter."""
    subject = Subject(person=PERSON, number=card, name_masked="林**")
    return world.send(LinkInsurance(A, world.city, "counter-3", subject), interface="api")


def observed(world: World, provider: str, value: int, sequence: int = 1):
    """Send a score of a provider."""
    band = world.policies.band(provider, value)
    body = replace(
        score(world.policies, 0, at=world.city, sequence=sequence),
        provider=provider, band=band, cut_points_hash=world.policies.cut_points_hash(provider),
    )  # fmt: skip
    return world.send(body, interface="score")


# pingtan-2025


def test_pingtan_signs_nobody_before_the_card_is_linked_and_the_insurer_agrees():
    """One thing after the other, each with its reason, and the next step at the kiosk."""
    world = stranger(enrolment=PINGTAN)
    world.send(score(world.policies, 250, at=world.city), interface="score")
    answers = [ask(world)]
    world.send(signing(EXAMPLE, "bank"), interface="api")
    reasons = [world.reply.code]
    link(world)
    answers.append(ask(world))
    world.send(signing(EXAMPLE, "bank"), interface="api")
    reasons.append(world.reply.code)
    world.send(RecordInsuranceCredit(passed=True, event_at=world.city, reference="check-1"), interface="api")
    world.send(signing(EXAMPLE, "bank"), interface="api")
    answers.append(ask(world))
    assert reasons == ["LINK_INSURANCE_AT_COUNTER", "INSURANCE_CREDIT"]
    assert [(a["eligible"], a["reason"], a["next_step"]) for a in answers] == [
        (False, "LINK_INSURANCE_AT_COUNTER", "link_insurance_at_counter"),
        (False, "INSURANCE_CREDIT", "ask_the_insurer"),
        (True, "", ""),
    ]
    assert [a["insurance_linked"] for a in answers] == [False, True, True]


def test_a_failed_insurance_credit_check_stops_credit_from_then_on():
    """An older word that comes later is LATE."""
    world = stranger(enrolment=PINGTAN)
    world.send(score(world.policies, 250, at=world.city), interface="score")
    link(world)
    world.send(RecordInsuranceCredit(passed=True, event_at=world.city), interface="api")
    world.send(signing(EXAMPLE, "bank"), interface="api")
    world.send(RecordInsuranceCredit(passed=False, event_at=world.city + 2), interface="api")
    assert (
        world.send(RecordInsuranceCredit(passed=True, event_at=world.city + 1), interface="api").record.outcome
        == "LATE"
    )
    world.send(charge(line("F1", 100)))
    assert (world.reply.result["reason"], world.reply.result["allocation"]["credit_fen"]) == ("INSURANCE_CREDIT", 0)


def test_a_card_is_linked_once_and_its_account_hears_whose_it_is():
    """The second time changes nothing; the first sends one relay to the card's account."""
    world = stranger()
    link(world)
    assert kinds(world) == ["InsuranceLinked", "NumberNoted"]
    assert [errand.command.account for errand in world.relay_errands] == [NUMBER]
    link(world)
    assert kinds(world) == []
    assert world.state.core.enrolment.cards == (NUMBER,)


def test_a_linked_cards_account_forwards_the_kiosks_question_to_the_person():
    """Asked by card: the person's account answers."""
    card = World(city(), account=NUMBER)
    person = stranger()
    link(person)
    card.take(person.relay_errands[0].command)
    card.send(CheckEligibility(A, "outpatient", card.city, by="card"), interface="api")
    assert card.ledger[-1].outcome == "FORWARDED"
    assert card.relay_errands[-1].command.account == PERSON


def test_a_card_that_nobody_linked_is_sent_to_the_counter():
    """In one call, with the sentence for the screen."""
    card = World(city(), account=NUMBER)
    answer = ask(card, by="card")
    assert (answer["eligible"], answer["reason"]) == (False, "LINK_INSURANCE_AT_COUNTER")
    assert answer["next_step"] == "link_insurance_at_counter"


def test_a_card_cannot_be_linked_to_itself():
    """SUBJECT_INVALID."""
    world = stranger()
    assert link(world, PERSON).record.reason == "SUBJECT_INVALID"


def test_an_insurance_account_shows_that_the_person_is_insured():
    """`insured_only` is met by anything that shows it; nothing is NOT_INSURED."""
    world = stranger(enrolment=Enrolment(insured_only=True, citation=CITED))
    world.send(signing(EXAMPLE, "bank"), interface="api")
    assert world.reply.code == "NOT_INSURED"
    world.send(DepositInsuranceAccount(world.city, 100), interface="api")
    world.send(signing(EXAMPLE, "bank"), interface="api")
    assert world.reply.code == "RECORDED"


# stomatology-2020


def test_a_dishonesty_record_refuses_enrolment_with_its_reason():
    """Until the record is cleared."""
    world = stranger(enrolment=STOMATOLOGY)
    world.send(RecordDishonesty("SX-1", "office-1", "court order", world.city), interface="api")
    world.send(signing(EXAMPLE, "bank"), interface="api")
    assert world.reply.code == "DISHONESTY"
    assert ask(world)["next_step"] == "ask_the_credit_office"
    world.send(RecordDishonesty("SX-1", "office-1", "fulfilled", world.city, cleared=True), interface="api")
    world.send(signing(EXAMPLE, "bank"), interface="api")
    assert world.reply.code == "RECORDED"


def test_a_dishonesty_record_stops_credit_of_whoever_signed_before():
    """The agreement stands, credit gives 0 with the reason; a pack that does not ask goes on."""
    for enrolment, reason in ((STOMATOLOGY, "DISHONESTY"), (Enrolment(), "")):
        world = stranger(enrolment=enrolment)
        world.enrol(100_000, channel="bank")
        world.send(RecordDishonesty("SX-1", "office-1", "court order", world.city), interface="api")
        world.send(charge(line("F1", 100)))
        assert world.reply.result["reason"] == reason


def test_clearing_a_record_that_is_not_there_is_refused():
    """DISHONESTY_UNKNOWN; recording the same twice changes nothing."""
    world = stranger()
    body = RecordDishonesty("SX-1", "office-1", "court order", world.city)
    world.send(replace(body, cleared=True), interface="api")
    assert world.reply.code == "DISHONESTY_UNKNOWN"
    world.send(body, interface="api")
    world.send(replace(body, event_at=world.city + 1), interface="api")
    assert kinds(world) == []


# zhongshan-2021 and whose score decides


def everyone(consents: tuple[str, ...] = ("egret", "sesame", "bank")) -> World:
    """Return a person who signed in a city that serves everybody."""
    world = stranger(enrolment=EVERYONE, tiers=TIERS, providers=("egret", "sesame", "bank", "none"))
    world.send(replace(signing(EXAMPLE, "bank"), score_consents=consents), interface="api")
    return world


def test_every_patient_is_served_without_any_score():
    """A first line for whoever signs."""
    world = everyone(())
    assert world.agreement.limit_fen == 30_000
    world.send(charge(line("F1", 100)))
    assert world.reply.result["allocation"]["credit_fen"] == 100


def test_the_city_score_comes_first_then_sesame_then_the_bank():
    """Whatever arrives, the first provider of the pack that has a tier decides."""
    world, lines = everyone(), []
    for provider, value in (("bank", 70), ("sesame", 700), ("egret", 150), ("sesame", 800), ("egret", 300)):
        observed(world, provider, value, sequence=len(world.ledger))
        world.move(city=1)
        lines.append((world.agreement.limit_fen, world.agreement.provider))
    assert lines == [(80_000, "bank"), (100_000, "sesame"), (50_000, "egret"), (50_000, "egret"), (200_000, "egret")]


def test_a_line_names_the_score_that_gives_it_now_also_where_another_gave_as_much():
    """The explanation cites the tier of the score that decides, not of the one before it."""
    world = World(XIAMEN)
    consents = ("egret", "sesame", "bank")
    world.send(replace(signing("zhongshan-2021"), score_consents=consents), interface="api")
    given = []
    for provider, value in (("bank", 90), ("sesame", 700), ("egret", 650)):
        observed(world, provider, value, sequence=len(world.ledger))
        given.append((world.agreement.limit_fen, world.agreement.provider))
    assert given == [(300_000, "bank"), (300_000, "sesame"), (300_000, "egret")]


def test_a_score_without_consent_is_not_read():
    """CONSENT; the line stays what it was."""
    world = everyone(("sesame",))
    assert observed(world, "egret", 300).record.reason == "CONSENT"
    assert world.agreement.limit_fen == 30_000


def test_withdrawing_the_score_consent_freezes_the_line_for_new_use():
    """Not even the line for everybody takes its place; what is owed stays owed; another score lifts it again."""
    world = everyone()
    observed(world, "egret", 300)
    world.send(charge(line("F1", 60_000)))
    world.send(RevokeConsent("egret", world.city, "auth-1"), interface="score")
    assert (world.agreement.limit_fen, world.agreement.used_fen) == (0, 60_000)
    world.send(charge(line("F2", 100), visit="V2"))
    assert world.reply.result["reason"] == "CONSENT"
    assert ask(world)["next_step"] == "renew_consent"
    observed(world, "sesame", 700)
    assert world.agreement.limit_fen == 100_000


def test_withdrawing_an_older_authorisation_keeps_what_was_read_under_a_newer_one():
    """A revocation that comes after the new consent's first score withdraws nothing but itself."""
    world = everyone()
    observed(world, "egret", 300)
    world.send(score(world.policies, 300, at=world.city + 1, sequence=2, authorisation="auth-2"), interface="score")
    world.send(RevokeConsent("egret", world.city, "auth-1"), interface="score")
    assert world.agreement.limit_fen == 200_000
    world.send(RevokeConsent("egret", world.city, "auth-2"), interface="score")
    assert world.agreement.limit_fen == 0


def test_a_score_past_its_validity_gives_no_new_line_but_the_line_it_gave_stands():
    """Repaying on time never lowers a line because no newer score came; who signs then has none from it."""
    world = stranger(enrolment=EVERYONE, tiers=TIERS, providers=("egret", "none"), step_up=STEPPING)
    short = replace(score(world.policies, 300, at=world.city), valid_until=world.city + DAY)
    world.send(short, interface="score")
    world.send(signing(EXAMPLE, "bank", at=world.city), interface="api")
    bill = owe(world, 10_000)
    world.move(city=2 * DAY)
    pay(world, bill)
    assert world.agreement.limit_fen == 200_000
    world.send(WithdrawAgreement(world.city, world.agreement.id), interface="api")
    world.send(signing(EXAMPLE, "bank", at=world.city), interface="api")
    assert (world.agreement.provider, world.agreement.limit_fen) == ("none", 40_000)


def test_a_lower_score_never_claws_back():
    """Available is 0 until it is repaid."""
    world = everyone()
    observed(world, "egret", 300)
    world.send(charge(line("F1", 60_000)))
    world.move(city=DAY)
    observed(world, "egret", 150, sequence=2)
    assert (world.agreement.limit_fen, world.agreement.used_fen) == (50_000, 60_000)
    answer = ask(world)
    assert (answer["available_fen"], answer["reason"], answer["next_step"]) == (0, "CREDIT_EXHAUSTED", "repay_bills")


# signing


def test_a_pack_that_a_bank_funds_needs_the_bank_that_was_chosen():
    """BANK_MISSING."""
    world = stranger()
    world.send(replace(signing(EXAMPLE, "bank"), bank=""), interface="api")
    assert world.reply.code == "BANK_MISSING"


def test_a_consent_names_the_version_of_its_text():
    """CONSENT without one; the event keeps it."""
    world = stranger()
    world.send(replace(signing(EXAMPLE, "bank"), consent_version=""), interface="api")
    assert world.reply.code == "CONSENT"
    world.send(signing(EXAMPLE, "bank"), interface="api")
    assert world.ledger[-1].events[-1].consent_version == "2026-01"


def test_the_kiosk_sends_who_has_not_signed_to_sign():
    """The reason is the missing agreement, the next step its signing."""
    answer = ask(stranger())
    assert (answer["reason"], answer["next_step"]) == ("AGREEMENT_MISSING", "sign_agreement")


@pytest.mark.parametrize(("scene", "step"), [("pharmacy", "pay_at_counter"), ("outpatient", "")])
def test_the_kiosk_says_what_to_do_where_the_scene_is_not_covered(scene, step):
    """Pay at the counter."""
    world = stranger()
    world.enrol(50_000)
    world.send(CheckEligibility(A, scene, world.city), interface="api")
    assert world.reply.result["next_step"] == step
    assert world.city == START
