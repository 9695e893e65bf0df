"""Invented ledger records of several accounts, chained per partition as the lanes write them."""

import random
from dataclasses import dataclass, field

import msgspec

from schemas.commands import Item
from schemas.dead_letters import DeadLetter
from schemas.events import Allocation, ChargePosted, PostedLine
from schemas.ids import account_id, make_id
from schemas.ledger import BillView, ChargeView, CommandSource, DebitView, LedgerRecord, PersonView, Posting
from streams.chain import FIRST, chained

KEY = bytes(range(32))
START = 1_767_225_600_000
"""2026-01-01 08:00 in the city."""


@dataclass
class LedgerWriter:
    """Makes one partition's records in order; `heads` of other writers are independent."""

    partition: int
    seed: int = 0
    accounts: int = 5
    lines: int = 3
    at: int = START
    step_ms: int = 60_000
    head: str = FIRST
    count: int = 0
    posted_fen: int = 0
    seqs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}-{self.partition}")
        self._names = [account_id(KEY, "person", f"{self.partition}-{n}") for n in range(self.accounts)]

    def record(self, **changes: object) -> tuple[bytes, bytes]:
        """Return key and value of the next record: a charge of `lines` lines put on credit, its bill and debit."""
        account = self._random.choice(self._names)
        seq = self.seqs[account] = self.seqs.get(account, 0) + 1
        self.at += self.step_ms
        record = msgspec.structs.replace(self._charge(account, seq), **changes)
        body = msgspec.json.encode(record)
        value, self.head = chained(self.head, account.encode(), body)
        self.count += 1
        self.posted_fen += sum(posting.amount_fen for posting in record.journal)
        return account.encode(), value

    def _charge(self, account: str, seq: int) -> LedgerRecord:
        charge, bill = make_id(account, "C", seq), make_id(account, "B", 1)
        lines = tuple(self._line(account, seq, n) for n in range(self.lines))
        total = sum(line.amount_fen for line in lines)
        view = ChargeView(
            charge, f"V{seq}", "XMZSH", "outpatient", "PHA", self.at, "xiamen-city-2023", total,
            Allocation(credit_fen=total), Allocation(), "posted", bill,
        )  # fmt: skip
        event = ChargePosted(
            charge, f"V{seq}", "XMZSH", "outpatient", self.at, "xiamen-city-2023", make_id(account, "A", 1), total,
            Allocation(credit_fen=total), lines,
        )  # fmt: skip
        return LedgerRecord(
            account=account, seq=seq, source=CommandSource(self.count), now=self.at, wall_now=self.at + 7,
            outcome="POSTED", command_id=f"m-{account}-{seq}", interface="mllp", sender="HIS@XMZSH",
            pack="xiamen-city-2023", reference=charge, events=(event,),
            journal=(Posting(f"agreement/{account}/receivable", "institution/XMZSH/charges", total),),
            after=(self._person(account, seq), view, self._bill(account, bill, seq), self._debit(account, bill, seq)),
        )  # fmt: skip

    def _line(self, account: str, seq: int, n: int) -> PostedLine:
        item = Item("XD0001", "NHSA", "阿莫西林胶囊")
        return PostedLine(
            f"F-{account}-{seq}-{n}", self._random.randrange(1, 9000), item, self.at,
        )  # fmt: skip

    def _person(self, account: str, seq: int) -> PersonView:
        return PersonView(
            account, "person", "林*岚", "**0025", "active", 0, {"XMZSH": seq * 10}, 0,
            make_id(account, "A", 1), "xiamen-city-2023", "ICBC-XM", "alipay", 300_000, seq * 100, 0,
        )  # fmt: skip

    def _bill(self, account: str, bill: str, seq: int) -> BillView:
        return BillView(
            bill, "V1", "XMZSH", make_id(account, "A", 1), "xiamen-city-2023", "issued", seq * 100, 0, seq,
            self.at, self.at + 1, self.at + 2, overdue=False, frozen=False, supplementary=False, channel="alipay",
        )  # fmt: skip

    def _debit(self, account: str, bill: str, seq: int) -> DebitView:
        return DebitView(make_id(account, "D", 1), bill, "alipay", seq, seq * 100, "sent", "", "", "", self.at)


def dead_letter(number: int, **changes: object) -> bytes:
    """Return the JSON of a refused message."""
    letter = DeadLetter(
        f"dl-{number}", START + number, START + number, "mllp", "HIS@XMZSH", "AMOUNT_MISMATCH", "FT1[2]-11",
        f"r-{number}", "v1.raw-2026a.AAAA.BBBB", "AE",
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(letter, **changes))
