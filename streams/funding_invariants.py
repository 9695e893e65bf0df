"""Invariants 7 and 8 from the ledger alone: fees within the cap and never early, batches that are the day's credit.

As in `streams.invariants`, nothing of `hub.domain` or `hub.clearing` takes part. A batch stands in the partition of its
pair, its credit in those of the persons: the partitions are added up at the end.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import date
from typing import Final

from schemas import events
from schemas.ledger import BillView, LedgerRecord, Posting

_DAY_MS: Final = 86_400_000
_CITY_MS: Final = 8 * 3_600_000
_FAMILY: Final = "transit/family"
_BY_FAMILY: Final = (events.FamilyCreditPosted, events.FamilyCreditReduced, events.FamilyBillTaken)
_FREE_DAYS: Final = 42
_CAP: Final = (3, 2)
_YEAR: Final = 10_000 * 365
Expect = Callable[[bool, Callable[[], str]], None]
Pair = tuple[int, str, str]
"""City day since the epoch, institution, bank."""


def city_day(instant: int) -> int:
    """Return the number of the city day of an instant."""
    return (instant + _CITY_MS) // _DAY_MS


class FeeCheck:
    """Invariant 7 for the bills of one partition."""

    def __init__(self) -> None:
        self._closed: dict[str, int] = {}
        self._fees: Counter[str] = Counter()
        self._caps: Counter[str] = Counter()
        self._moved: set[str] = set()
        """Bills whose earlier days another account's records tell: a fen of theirs may be rounded up in ours."""

    def add(self, record: LedgerRecord, expect: Expect) -> None:
        """Check the fees of one record."""
        for event in record.events:
            if isinstance(event, events.BillIssued):
                self._closed[event.bill] = city_day(event.closed_at)
            elif isinstance(event, events.AccountAbsorbed):
                came = {view.bill: city_day(view.closed_at) for view in record.after if isinstance(view, BillView)}
                self._moved |= came.keys() - self._closed.keys()
                self._closed |= came
            elif isinstance(event, events.FeeAccrued):
                self._accrued(record, event, expect)

    def _accrued(self, record: LedgerRecord, event: events.FeeAccrued, expect: Expect) -> None:
        day = city_day(record.now - 1) - self._closed.get(event.bill, city_day(record.now))
        expect(day > _FREE_DAYS, lambda: f"{event.bill}: a fee on day {day}, {_FREE_DAYS} are free")
        self._fees[event.bill] += event.fee_fen
        self._caps[event.bill] += event.principal_fen * event.lpr_bp
        fee, cap = self._fees[event.bill], self._caps[event.bill] * _CAP[0] // (_CAP[1] * _YEAR)
        cap += event.bill in self._moved
        expect(fee <= cap, lambda: f"{event.bill}: fees of {fee} fen, the cap is {cap}")


class AdvanceSums:
    """What one partition says of a day's advances: credit and returns by pair, and the batches that were opened."""

    def __init__(self, institution_funded: Container[str] = ()) -> None:
        """Packs that the institution funds have no advance."""
        self._institution_funded = institution_funded
        self._banks: dict[str, str] = {}
        self.credit: Counter[Pair] = Counter()
        self.returned: Counter[Pair] = Counter()
        self.opened: dict[Pair, events.AdvanceOpened] = {}

    def add(self, record: LedgerRecord) -> None:
        """Take one record of the partition."""
        for event in record.events:
            if isinstance(event, events.AgreementSigned):
                funded = event.pack not in self._institution_funded
                self._banks[event.agreement] = event.bank if funded else ""
            elif isinstance(event, events.AccountAbsorbed):
                self._banks |= {
                    each.agreement: "" if each.pack in self._institution_funded else each.bank
                    for each in event.agreements
                }
            elif isinstance(event, events.AdvanceOpened):
                self.opened[_day_number(event.day), event.institution, event.bank] = event
        families = (event.institution for event in record.events if isinstance(event, _BY_FAMILY))
        for posting in record.journal:
            self._post(city_day(record.now), posting, families)

    def _post(self, day: int, posting: Posting, families: Iterator[str]) -> None:
        """A family's credit passes through a transit account; the event of this side says where it was used."""
        debit, credit = posting.debit.split("/"), posting.credit.split("/")
        if _FAMILY in (posting.debit, posting.credit) and (_is_credit(debit) or _is_credit(credit)):
            charges = ["institution", next(families, ""), "charges"]
            debit, credit = (charges, credit) if posting.debit == _FAMILY else (debit, charges)
        if _is_charges(credit) and _is_credit(debit):
            self._count(self.credit, day, credit[1], debit[1], posting.amount_fen)
        elif _is_charges(debit) and _is_credit(credit):
            self._count(self.returned, day, debit[1], credit[1], posting.amount_fen)

    def _count(self, sums: Counter[Pair], day: int, institution: str, agreement: str, amount_fen: int) -> None:
        bank = self._banks.get(agreement, "")
        if bank:
            sums[day, institution, bank] += amount_fen


def check_advances(partitions: Iterable[AdvanceSums], whole_until: int, expect: Expect) -> None:
    """Check every opened batch against all partitions' sums (invariant 8), and that each pair carries what is left.

    Only days before `whole_until` (a city day number) are judged: every partition was read past their end.
    """
    found = list(partitions)
    opened = {pair: event for sums in found for pair, event in sums.opened.items()}
    left: Counter[tuple[str, str]] = Counter()
    for pair in sorted(opened):
        event = opened[pair]
        if pair[0] >= whole_until:
            continue
        credit, returned = sum(s.credit[pair] for s in found), sum(s.returned[pair] for s in found)
        stated = (event.credit_fen, event.returned_fen)
        expect(
            stated == (credit, returned),
            lambda event=event, credit=credit, returned=returned: (  # type: ignore[misc]
                f"batch {event.batch} of {event.day}: {event.credit_fen} and {event.returned_fen} fen, "
                f"the ledger has {credit} and {returned}"
            ),
        )
        net = left[pair[1:]] + event.credit_fen - event.returned_fen
        expect(
            (event.carried_fen, event.amount_fen, event.carry_fen) == (left[pair[1:]], max(0, net), min(0, net)),
            lambda event=event, net=net: f"batch {event.batch}: {event.amount_fen} fen, {net} are left",  # type: ignore[misc]
        )
        left[pair[1:]] = min(0, net)


def _is_charges(account: list[str]) -> bool:
    return len(account) == 3 and account[0] == "institution" and account[2] == "charges"


def _is_credit(account: list[str]) -> bool:
    return len(account) == 3 and account[0] == "agreement" and account[2] in ("receivable", "reductions")


def _day_number(text: str) -> int:
    """Return the number of a day written as `yyyy-MM-dd`, counted from 1970-01-01."""
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
