"""What must hold after every decision of a simulated city (domain 15): all else is a fault.

`streams.invariants`, which knows nothing of the domain, judges the records; folding them judges the states.
"""

from hub.domain.decision import Decision
from hub.domain.evolve import evolve
from hub.domain.state import AccountState, Agreement, encode_core, encode_encounter
from schemas.commands import Instant
from schemas.events import ChargePosted
from schemas.ids import sm3_hex
from streams.invariants import Invariants


class FaultError(AssertionError):
    """An invariant is broken; `number` is that of domain 15, 0 for a decision that raised."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"invariant {number}: {text}" if number else text)
        self.number = number
        self.text = text
        """What is wrong, with the account or an id that begins with it."""


class Judge:
    """Sees every decision of a hub with the state before it. Raises FaultError at the first broken invariant."""

    def __init__(self, institution_funded: frozenset[str] = frozenset()) -> None:
        """Packs that the institution funds have no advances."""
        self.books = Invariants(institution_funded)

    def saw(self, before: AccountState, decision: Decision) -> None:
        """Check one decision and the account it touched."""
        record, after = decision.record, decision.state
        if evolve(before, record) != after:
            raise FaultError(9, f"{record.account} seq {record.seq}: the record does not give the state")
        self.books.add(record)
        self._raise_first()
        if record.events:
            check_account(after)
        for event in record.events:
            if isinstance(event, ChargePosted) and event.allocation.credit_fen:
                check_consent(before, event, record.now)

    def whole(self, accounts: dict[str, AccountState]) -> None:
        """Check every account, whatever is on its way between them."""
        for state in accounts.values():
            check_account(state)
            check_lines(state)

    def at_rest(self, accounts: dict[str, AccountState]) -> None:
        """Check every account and what holds between them, once nothing is on its way any more."""
        self.whole(accounts)
        self.books.check_transit()
        self._raise_first()

    def _raise_first(self) -> None:
        for finding in self.books.findings.values():
            if finding.faulty:
                raise FaultError(finding.number, finding.faults[0])


def check_account(state: AccountState) -> None:
    """Balances are never negative; a bill has a live order exactly while it is debited."""
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


def check_lines(state: AccountState) -> None:
    """What is used of each line is what its charges and bills owe; nothing of a charge goes back twice."""
    for encounter in state.encounters.values():
        for charge in encounter.charges.values():
            if any(back > part or back < 0 for back, part in zip(charge.returned, charge.parts, strict=True)):
                raise FaultError(6, f"{charge.id}: {charge.returned} of {charge.parts} went back")
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


def check_consent(before: AccountState, event: ChargePosted, now: Instant) -> None:
    """Credit goes only to a person in good standing under an agreement in force (invariant 11)."""
    core = before.core
    agreement = core.agreements.get(event.agreement)
    if agreement is None or agreement.ended_at or core.barred or core.suspended:
        raise FaultError(11, f"{core.account}: credit of {event.allocation.credit_fen} fen at {now} for {event.charge}")


def state_hash(accounts: dict[str, AccountState]) -> str:
    """Return SM3 over every account's bytes, in the order of the accounts."""
    parts = []
    for account in sorted(accounts):
        state = accounts[account]
        parts.append(encode_core(state.core))
        parts += [encode_encounter(state.encounters[name]) for name in sorted(state.encounters)]
    return sm3_hex(b"".join(parts))
