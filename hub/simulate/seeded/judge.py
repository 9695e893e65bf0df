"""What must hold after every decision of a simulated city (domain 15): all else is a fault.

`streams.invariants`, which knows nothing of the domain, judges the records; folding them judges the states.
"""

from collections.abc import Iterable

from hub.domain.decision import Decision
from hub.domain.evolve import evolve
from hub.domain.holds import prepayment_held
from hub.domain.state import AccountState, Agreement, Encounter, encode_core, encode_encounter
from hub.simulate.seeded.faults import FaultError
from hub.simulate.seeded.gateways import Book
from hub.simulate.seeded.moved_once import MovedOnce
from schemas.commands import Instant
from schemas.events import ChargePosted, Event, FamilyBillTaken, FamilyHoldPlaced, HoldPlaced
from schemas.ids import sm3_hex
from streams.funding_invariants import check_advances, city_day
from streams.invariants import Invariants


class Judge:
    """Sees every decision of a hub with the state before it. Raises FaultError at the first broken invariant."""

    def __init__(self, institution_funded: frozenset[str] = frozenset()) -> None:
        """Packs that the institution funds have no advances."""
        self.books = Invariants(institution_funded)
        self._once = MovedOnce()

    def saw(self, before: AccountState, decision: Decision) -> None:
        """Check one decision and the account it touched."""
        record, after, was = decision.record, decision.state, before.encounters
        if evolve(before, record) != after:
            raise FaultError(9, f"{record.account} seq {record.seq}: the record does not give the state")
        self.books.add(record)
        self._raise_first()
        if not record.events:
            return
        check_account(after)
        if record.journal:
            self._check_balances(after)
            check_returned(encounter for key, encounter in after.encounters.items() if encounter is not was.get(key))
            check_used(after)
        for event in record.events:
            self._once.add(event)
            check_consent(before, event, record.now)

    def _check_balances(self, state: AccountState) -> None:
        """The journal alone gives what is used of each line."""
        for agreement in state.core.agreements.values():
            booked = -self.books.balance(f"agreement/{agreement.id}/receivable")
            if agreement.used_fen != booked:
                raise FaultError(1, f"{agreement.id}: {agreement.used_fen} fen used, the journal has {booked}")

    def whole(self, accounts: dict[str, AccountState]) -> None:
        """Check every account, whatever is on its way between them."""
        for state in accounts.values():
            check_account(state)
            check_returned(state.encounters.values())
            check_used(state)

    def at_rest(self, accounts: dict[str, AccountState], at: Instant, book: Book) -> None:
        """Check every account and what holds between them and outside, once nothing is on its way any more."""
        self.whole(accounts)
        self.books.check_transit()
        check_advances([self.books.advances], city_day(at), self.books.findings[8].expect)
        self._raise_first()
        for state in accounts.values():
            check_family_at_rest(state)
        self._once.at_rest(book)

    def _raise_first(self) -> None:
        for finding in self.books.findings.values():
            if finding.faulty:
                raise FaultError(finding.number, finding.faults[0])


def check_account(state: AccountState) -> None:
    """Balances and holds are never negative and never more than there is; a debited bill has one live order."""
    core = state.core
    low = min(core.insurance_fen, core.refundable_fen, *core.prepayments.values(), 0)
    if low < 0:
        raise FaultError(4, f"{core.account}: a balance of {low} fen")
    live: dict[str, int] = {}
    for debit in core.debits.values():
        if debit.live:
            live[debit.bill] = live.get(debit.bill, 0) + 1
    for bill in core.bills.values():
        if live.get(bill.id, 0) != (1 if bill.debiting else 0):
            raise FaultError(5, f"{bill.id}: {live.get(bill.id, 0)} live orders, debiting {bill.debiting}")
    if core.holds or core.family is not None:
        check_holds(state)


def check_holds(state: AccountState) -> None:
    """What is held of a line or a deposit is what its open holds keep, and a deposit never less."""
    core = state.core
    kept = list(core.family.holds.values()) if core.family else []
    for agreement in core.agreements.values():
        held = sum(hold.open_fen for hold in core.holds.values() if hold.agreement == agreement.id)
        held += sum(hold.amount_fen for hold in kept if hold.agreement == agreement.id)
        if agreement.held_fen != held:
            raise FaultError(3, f"{agreement.id}: {agreement.held_fen} fen held, open holds keep {held}")
    for hold in core.holds.values():
        institution = hold.visit.partition("|")[0]
        if hold.source == "prepayment" and prepayment_held(core, institution) > core.prepayments.get(institution, 0):
            raise FaultError(4, f"{core.account}: more is held at {institution} than was prepaid")


def check_returned(encounters: Iterable[Encounter]) -> None:
    """Nothing of a charge goes back twice."""
    for encounter in encounters:
        for charge in encounter.charges.values():
            if any(back > part or back < 0 for back, part in zip(charge.returned, charge.parts, strict=True)):
                raise FaultError(6, f"{charge.id}: {charge.returned} of {charge.parts} went back")


def check_used(state: AccountState) -> None:
    """What is used of each line is what its charges and bills owe."""
    for agreement in state.core.agreements.values():
        owed = owed_on(state, agreement)
        if agreement.used_fen != owed:
            raise FaultError(3, f"{agreement.id}: {agreement.used_fen} fen used, {owed} owed")


def owed_on(state: AccountState, agreement: Agreement) -> int:
    """Return what stands on a line by the charges no bill holds and by the bills."""
    unbilled = sum(
        charge.parts.credit - charge.returned.credit
        for encounter in state.encounters.values()
        for charge in encounter.charges.values()
        if charge.agreement == agreement.id and not charge.bill
    )
    return unbilled + sum(bill.owed_fen for bill in state.core.bills.values() if bill.agreement == agreement.id)


def check_consent(before: AccountState, event: Event, now: Instant) -> None:
    """Credit goes only to a person in good standing under an agreement in force (invariant 11)."""
    fen = _credit_given(event)
    if not fen:
        return
    core = before.core
    agreement = core.agreements.get(getattr(event, "agreement", ""))
    if agreement is None or agreement.ended_at or core.barred or core.suspended:
        raise FaultError(11, f"{core.account}: credit of {fen} fen at {now} by {type(event).__name__}")


def _credit_given(event: Event) -> int:
    """Return what an event takes from a line of this account; a dependent's charge takes it from the payer's."""
    if isinstance(event, ChargePosted):
        return 0 if event.hold else event.allocation.credit_fen
    if isinstance(event, FamilyHoldPlaced | FamilyBillTaken):
        return event.amount_fen
    return event.amount_fen if isinstance(event, HoldPlaced) and event.source == "credit" else 0


def check_family_at_rest(state: AccountState) -> None:
    """Every question to a payer has its answer, every hold its end."""
    family = state.core.family
    if family is not None and (family.asks or family.holds):
        raise FaultError(3, f"{state.core.account}: {len(family.asks)} asks and {len(family.holds)} holds are left")


def state_hash(accounts: dict[str, AccountState]) -> str:
    """Return SM3 over every account's bytes, in the order of the accounts."""
    parts = []
    for account in sorted(accounts):
        state = accounts[account]
        parts.append(encode_core(state.core))
        parts += [encode_encounter(state.encounters[name]) for name in sorted(state.encounters)]
    return sm3_hex(b"".join(parts))
