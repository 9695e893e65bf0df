"""What people, hospitals, insurers and banks do next: any of it, at any time, now and then twice, late or wrong."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from hub.domain.state import AccountState
from hub.policies import Policies
from hub.simulate.seeded.citizens import INSTITUTIONS, PROVIDERS, Citizen, Visit, population, scoring, signing
from schemas.city_time import DAY_MS
from schemas.commands import (
    Body,
    ChargeLine,
    CheckEligibility,
    Command,
    DepositInsuranceAccount,
    DepositPrepayment,
    FreezeBill,
    IdentifyPatient,
    Instant,
    InsuranceSplit,
    Interface,
    Item,
    NoteAgreementEnd,
    PostCharge,
    RecordRepayment,
    RecordVisit,
    RefundBalance,
    RefundPrepayment,
    ReverseSettlement,
    RevokeConsent,
    SettleInsurance,
    Subject,
    UnfreezeBill,
    WithdrawAgreement,
)

_ITEMS: Final = tuple(Item(f"XD{n:04}", "NHSA", "药品") for n in range(40))
_SCENES: Final = ("outpatient",) * 6 + ("emergency", "inpatient", "pharmacy", "internet")
_OPEN_MAX: Final = 3
"""A person has at most so many visits that their hospitals still write to."""
_REMEMBERED: Final = 64
"""Messages that may be sent once more."""


class Deed(NamedTuple):
    """Somebody does something; the command about it may arrive later."""

    at: Instant
    arrives_at: Instant
    command: Command


class Deeds:
    """An endless supply of commands for a city; equal seeds and equal answers of the hub give equal deeds."""

    def __init__(self, rng: Random, policies: Policies, people: int, start: Instant) -> None:
        self._rng = rng
        self._policies = policies
        self._packs = [pack for pack in policies.packs.values() if pack.valid_from <= start < pack.valid_to]
        self.people = population(rng, people)
        self._sent: list[Command] = []
        self._count = 0
        self._kinds = [kind for kind, weight in _WEIGHTS.items() for _ in range(weight)]

    def enrolment(self, at: Instant) -> list[Deed]:
        """Return scores and agreements of most people, before anybody falls ill."""
        deeds = []
        for citizen in self.people:
            if self._rng.random() < 0.9:
                score = scoring(self._rng, citizen, self._policies, at)
                agreement = signing(self._rng, citizen, self._packs, at)
                deeds += [Deed(at, at, self._command(citizen.account, body, at)) for body in (score, agreement)]
        return deeds

    def next(self, at: Instant, states: Callable[[str], AccountState]) -> Deed:
        """Return the next deed; some arrive late, some arrive again."""
        rng = self._rng
        if self._sent and rng.random() < 0.04:
            return self._again(at)
        citizen = rng.choice(self.people)
        made = None
        while made is None:
            made = rng.choice(self._kinds)(self, citizen, at, states)
        account = citizen.number if rng.random() < 0.03 and isinstance(made, _THROUGH_NUMBER) else citizen.account
        command = self._command(account, made, at)
        self._remember(command)
        late = rng.choice((0, 0, 0, 0, 0, 0, 60_000, 7_200_000, DAY_MS)) if rng.random() < 0.2 else 0
        return Deed(at, at + late, command)

    def _again(self, at: Instant) -> Deed:
        """Send something once more: the same, or the same id with another content."""
        command = self._rng.choice(self._sent)
        content = command.content_hash if self._rng.random() < 0.9 else f"other {command.content_hash}"
        repeated = Command(
            command.id, command.account, at, at, command.source, command.interface, content, command.body
        )
        return Deed(at, at, repeated)

    def _remember(self, command: Command) -> None:
        self._sent.append(command)
        if len(self._sent) > _REMEMBERED:
            del self._sent[self._rng.randrange(len(self._sent))]

    def _command(self, account: str, body: Body, at: Instant) -> Command:
        self._count += 1
        interface: Interface = "mllp" if isinstance(body, _FROM_HOSPITALS) else "api"
        name = f"m{self._count}"
        return Command(name, account, at, at, "HIS@CITY", interface, name, body)

    # ---- hospitals --------------------------------------------------------------------------------------------

    def charge(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """A charge of some lines, for a visit going on or a new one."""
        rng, visit = self._rng, self._visit(citizen)
        lines, total = [], 0
        for _ in range(rng.choice((1, 1, 2, 3, 5))):
            self._count += 1
            item, amount = rng.choice(_ITEMS), int(rng.lognormvariate(7.5, 1.3)) + 1
            key = f"F{self._count}"
            lines.append(ChargeLine(key, "charge", amount, item, at))
            visit.lines.append((key, amount, item.code))
            total += amount
        settlement = self._split(f"S{self._count}", total) if visit.settlement_mode == "in_message" else None
        event_at = at - rng.choice((0, 0, 0, 3_600_000, DAY_MS))
        return PostCharge(
            visit.institution,
            visit.number,
            visit.scene,  # type: ignore[arg-type]
            event_at,
            tuple(lines),
            Subject(person=citizen.account, number=citizen.number),
            settlement,
            visit.settlement_mode,  # type: ignore[arg-type]
        )

    def credit(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body | None:
        """Take back part or all of a line; now and then too much."""
        rng = self._rng
        visits = [visit for visit in citizen.visits if visit.lines]
        if not visits:
            return None
        visit = rng.choice(visits)
        key, amount, item = rng.choice(visit.lines[-5:])
        self._count += 1
        fen = amount if rng.random() < 0.6 else rng.randrange(1, 2 * amount + 1)
        named = key if rng.random() < 0.8 else ""
        line = ChargeLine(f"R{self._count}", "credit", fen, Item(item, "NHSA", "药品"), at, reverses=named)
        return PostCharge(visit.institution, visit.number, visit.scene, at, (line,))  # type: ignore[arg-type]

    def end_visit(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body | None:
        """Discharge, or cancel, or reopen a visit."""
        if not citizen.visits:
            return None
        visit = self._rng.choice(citizen.visits)
        event = self._rng.choice(("discharged",) * 8 + ("cancelled", "reopened"))
        visit.closed = event != "reopened"
        return RecordVisit(visit.institution, visit.number, event, at)  # type: ignore[arg-type]

    def identify(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """A message that carries both the person and the hospital number."""
        subject = Subject(person=citizen.account, number=citizen.number, name_masked="林*岚", birth_on="1990-02-28")
        return IdentifyPatient(self._rng.choice(INSTITUTIONS), at, subject)

    def deposit(self, _citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """Money paid in advance."""
        self._count += 1
        amount = self._rng.randrange(1, 80_000)
        return DepositPrepayment(self._rng.choice(INSTITUTIONS), at, amount, f"receipt-{self._count}")

    def refund_deposit(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body | None:
        """Pay back what is left of a deposit, or more than that."""
        left = states(citizen.account).core.prepayments
        if not left:
            return None
        institution = self._rng.choice(sorted(left))
        amount = left[institution] + self._rng.choice((0, 0, 0, 1, -1))
        return RefundPrepayment(institution, at, max(1, amount), f"refund-{self._count}")

    # ---- insurers ---------------------------------------------------------------------------------------------

    def settle(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body | None:
        """The insurer's figures for a visit that waits for them; now and then wrong ones."""
        visits = [visit for visit in citizen.visits if visit.settlement_mode == "after" and visit.lines]
        if not visits:
            return None
        visit = self._rng.choice(visits)
        encounter = states(citizen.account).encounters.get(f"{visit.institution}|{visit.number}")
        held = sum(line.open_fen for line in encounter.lines.values()) if encounter else 0
        self._count += 1
        visit.settlement = f"S{self._count}"
        total = held + (self._rng.random() < 0.1)
        return SettleInsurance(visit.institution, visit.number, at, self._split(visit.settlement, total))

    def reverse_settlement(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body | None:
        """The contra entry of a settlement."""
        visit = next((visit for visit in citizen.visits if visit.settlement), None)
        if visit is None:
            return None
        return ReverseSettlement(visit.institution, visit.number, at, visit.settlement)

    def deposit_insurance(self, _citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """The insurer fills the personal account."""
        return DepositInsuranceAccount(at, self._rng.randrange(1, 30_000))

    def _split(self, name: str, total: int) -> InsuranceSplit:
        rng = self._rng
        fund = rng.randrange(total + 1)
        account = rng.randrange(total - fund + 1)
        return InsuranceSplit(name, total, fund, account, 0, total - fund - account)

    # ---- persons and banks ------------------------------------------------------------------------------------

    def repay(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body:
        """Pay part of a bill, all of it, or more; named or not."""
        rng, bills = self._rng, states(citizen.account).core.bills
        owing = [bill for bill in bills.values() if bill.owed_fen > 0]
        if not owing or rng.random() < 0.1:
            return RecordRepayment(at, rng.randrange(1, 20_000))
        bill = rng.choice(owing)
        amount = rng.choice((bill.owed_fen, max(1, bill.owed_fen // 2), bill.owed_fen + 500))
        return RecordRepayment(at, amount, bill.id if rng.random() < 0.5 else "")

    def refund_balance(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body | None:
        """Ask for what was paid too much."""
        left = states(citizen.account).core.refundable_fen
        return RefundBalance(at, left + self._rng.choice((0, 0, 1))) if left else None

    def sign(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """Sign, for the first time or again."""
        return signing(self._rng, citizen, self._packs, at)

    def withdraw(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body | None:
        """Leave the agreement in force."""
        agreement = states(citizen.account).core.agreement
        return WithdrawAgreement(at, agreement) if agreement else None

    def score(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """A new score, higher or lower."""
        return scoring(self._rng, citizen, self._policies, at)

    def revoke(self, _citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """Withdraw the consent to read a score."""
        provider = self._rng.choice(PROVIDERS)
        return RevokeConsent(provider, at, f"authorisation-{provider}")

    def ask(self, _citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """The kiosk's question."""
        return CheckEligibility(self._rng.choice(INSTITUTIONS), "outpatient", at)

    def contract_ends(self, citizen: Citizen, at: Instant, _states: Callable[[str], AccountState]) -> Body:
        """The channel says its contract ended."""
        self._count += 1
        channel = self._rng.choice(("alipay", "unionpay"))
        return NoteAgreementEnd(channel, f"contract-{citizen.account[:10]}", f"end-{self._count}", at)  # type: ignore[arg-type]

    def freeze(self, citizen: Citizen, at: Instant, states: Callable[[str], AccountState]) -> Body | None:
        """Stop the debits of a bill, or free it: by one person, then by another."""
        bills = list(states(citizen.account).core.bills.values())
        if not bills:
            return None
        bill, author = self._rng.choice(bills), self._rng.choice(("clerk-1", "clerk-2"))
        return UnfreezeBill(bill.id, at, author, "") if bill.frozen else FreezeBill(bill.id, at, author, "incident")

    def _visit(self, citizen: Citizen) -> Visit:
        open_visits = [visit for visit in citizen.visits if not visit.closed]
        if len(open_visits) >= _OPEN_MAX or (open_visits and self._rng.random() < 0.5):
            return self._rng.choice(open_visits)
        self._count += 1
        mode = self._rng.choice(("none",) * 6 + ("in_message", "after"))
        visit = Visit(
            self._rng.choice(INSTITUTIONS), f"V{self._count}", self._rng.choice(_SCENES), settlement_mode=mode
        )
        citizen.visits.append(visit)
        del citizen.visits[:-8]
        return visit


_FROM_HOSPITALS: Final = (PostCharge, RecordVisit, IdentifyPatient, SettleInsurance, ReverseSettlement)
_THROUGH_NUMBER: Final = (PostCharge, RecordVisit, IdentifyPatient, DepositPrepayment)
_Kind = Callable[[Deeds, Citizen, Instant, Callable[[str], AccountState]], Body | None]
_WEIGHTS: Final[dict[_Kind, int]] = {
    Deeds.charge: 46,
    Deeds.credit: 7,
    Deeds.end_visit: 12,
    Deeds.identify: 2,
    Deeds.deposit: 5,
    Deeds.refund_deposit: 1,
    Deeds.settle: 4,
    Deeds.reverse_settlement: 1,
    Deeds.deposit_insurance: 4,
    Deeds.repay: 7,
    Deeds.refund_balance: 1,
    Deeds.sign: 2,
    Deeds.withdraw: 1,
    Deeds.score: 4,
    Deeds.revoke: 1,
    Deeds.ask: 2,
    Deeds.contract_ends: 1,
    Deeds.freeze: 1,
}
"""Out of a hundred deeds, about."""
