"""An adult child repays a parent's bills: the child's channel, the parent's line, one order number (domain 9)."""

from domain_world import DAY, HOUR, A, charge, line, signing
from family_world import Town
from test_domain_family_links import CHILD, PARENT, asked, enrol, link_of

from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    NoteAgreementEnd,
    RecordDeath,
    RecordVisit,
    RequestFamilyUnlink,
    Subject,
    WithdrawAgreement,
)


def paying(parents_channel="alipay"):
    """Return a town in which an adult child repays by UnionPay, and the parent owes a bill of 90.00."""
    town = Town()
    enrol(town, PARENT, channel=parents_channel)
    enrol(town, CHILD, channel="unionpay")
    asked(town, "payer", "adult_child")
    town.settle()
    town.send(PARENT, AnswerFamilyLink(town.city, link_of(town).id, accept=True, consent_version="F"))
    town.settle()
    town.send(PARENT, charge(line("F1", 9_000)))
    town.send(PARENT, RecordVisit(A, "V1", "discharged", town.city))
    return town


def debit(town):
    """Return the newest debit errand of the parent's account."""
    return town.world(PARENT).debit_errands[-1]


def test_the_debit_goes_to_the_childs_channel_and_the_parents_line_is_used():
    """One order number, made and kept in the parent's account, with the child's contract."""
    town = paying()
    assert town.world(PARENT).agreement.used_fen == 9_000
    town.move(city=72 * HOUR)
    errand = debit(town)
    assert (errand.channel, errand.channel_agreement, errand.order_no[:26]) == (
        "unionpay", "unionpay-agreement-1", PARENT,
    )  # fmt: skip
    town.world(PARENT).answer()
    assert (town.world(PARENT).bill.paid_fen, town.world(PARENT).agreement.used_fen) == (9_000, 0)
    assert not town.world(CHILD).debit_errands


def test_a_parent_whose_own_channel_is_the_bank_is_debited_at_the_childs():
    """The bill gets its debit clock from who pays."""
    town = paying("bank")
    town.move(city=72 * HOUR)
    assert debit(town).channel == "unionpay"


def test_a_contract_that_is_dead_at_the_gateway_gives_way_to_the_parents_own():
    """The next attempt, under a new number, goes to the parent's channel; the parent's own contract stays alive."""
    town = paying()
    town.move(city=72 * HOUR)
    town.world(PARENT).answer(debit(town), "failed", cause="agreement_dead")
    assert not town.world(PARENT).agreement.channel_ended
    first = debit(town)
    town.move(city=DAY)
    assert (debit(town).channel, debit(town).order_no != first.order_no) == ("alipay", True)


def test_a_technical_retry_keeps_number_and_contract_even_after_the_end():
    """The link ends while the number lives: the same call again, never another one."""
    town = paying()
    town.move(city=72 * HOUR)
    first = debit(town)
    town.world(PARENT).answer(first, "failed", cause="technical")
    town.send(CHILD, RecordDeath(town.city))
    town.settle()
    town.move(wall=66_000)
    again = debit(town)
    assert again is not first
    assert (again.order_no, again.channel, again.channel_agreement) == (
        first.order_no, first.channel, first.channel_agreement,
    )  # fmt: skip


def test_the_end_of_the_childs_contract_is_told_to_the_parent():
    """Unsigned at the channel, or the agreement withdrawn: later debits go to the parent's own channel."""
    for ended in (
        NoteAgreementEnd("unionpay", "unionpay-agreement-1", "n1", 0),
        None,
    ):
        town = paying()
        child = town.world(CHILD)
        town.send(CHILD, ended or WithdrawAgreement(town.city, child.state.core.agreement), interface="api")
        town.settle()
        town.move(city=72 * HOUR)
        assert debit(town).channel == "alipay"


def test_a_new_agreement_of_the_child_is_told_as_well():
    """The link goes on with the new contract."""
    town = paying()
    child = town.world(CHILD)
    town.send(CHILD, WithdrawAgreement(town.city, child.state.core.agreement), interface="api")
    town.send(CHILD, signing("example-city-2025", "alipay", at=town.city, subject=Subject(person=CHILD)))
    town.settle()
    assert link_of(town, PARENT).channel == "alipay"


def test_unlinking_and_death_return_the_debit_to_the_parents_channel():
    """Nothing is paid twice: the bill is the parent's all along."""
    town = paying()
    town.send(CHILD, RequestFamilyUnlink(town.city, link_of(town).id, "U"))
    town.settle()
    town.send(PARENT, AnswerFamilyUnlink(town.city, link_of(town).id, accept=True, consent_version="U"))
    town.settle()
    town.move(city=72 * HOUR)
    assert debit(town).channel == "alipay"


def test_nobody_is_debited_for_a_parent_who_died():
    """The child's consent was to repay for a living parent."""
    town = paying()
    town.send(PARENT, RecordDeath(town.city))
    town.settle()
    town.move(city=30 * DAY)
    assert not town.world(PARENT).debit_errands
