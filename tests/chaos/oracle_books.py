"""The ledger against the second arithmetic: every split, balance, bill and posting, in the ledger's own order."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from evidence import Evidence, Exchange, Row, owner
from oracle_accounts import HOLDS_FOR_SETTLEMENT, SOURCES, Account, Bill, Charge, Visit
from oracle_wire import exchange_key, message_key

_APPLIED = frozenset(("POSTED", "RECORDED", "HELD"))
_CLEARING = ("alipay", "unionpay")
Event = dict[str, Any]


def book_complaints(evidence: Evidence) -> list[str]:
    """Return where the ledger and the second arithmetic differ."""
    books = Books(evidence)
    for record in evidence.ledger:
        try:
            books.take(record)
        except (KeyError, IndexError) as unknown:  # a ledger with a hole: what follows speaks of what is missing
            place = f"{record.value['account']} #{record.value['seq']} ({record.partition}@{record.offset})"
            books.texts.append(f"{place} speaks of {unknown}, which nothing before it made")
    return [*books.texts, *books.closing()]


def events(record: Row, kind: str) -> Iterator[Event]:
    """Yield the events of one type of a record."""
    return (each for each in record.value.get("events", ()) if each["type"] == kind)


def allocation(event: Event, name: str = "allocation") -> dict[str, int]:
    """Return a split as the ledger says it."""
    return {source: event.get(name, {}).get(f"{source}_fen", 0) for source in SOURCES}


class Books:
    """Folds the ledger once more, from what the generator meant; `texts` are the differences."""

    def __init__(self, evidence: Evidence) -> None:
        self.texts: list[str] = []
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        self._evidence = evidence
        self._commands = evidence.by_place()
        self._sent: dict[tuple[str, ...], Exchange] = {exchange_key(each): each for each in evidence.sent}
        self._transit: Counter[tuple[str, str]] = Counter()
        self._journal: Counter[str] = Counter()
        self._bill_of_visit: dict[str, str] = {}
        self._apply = {
            "agreement": self._agreement,
            "score": self._score,
            "insurance_deposit": self._insurance,
            "prepayment": self._prepayment,
            "repayment": self._repayment,
            "dft": self._dft,
            "fhir ChargeItem": self._charge_item,
            "fhir ClaimResponse": self._claim,
        }

    def take(self, record: Row) -> None:
        """Apply one record's meaning, then what it says of bills and debits; compare what it says of the account."""
        account = self.accounts[record.value["account"]]
        exchange = self._meaning(record)
        if exchange is not None:
            self._apply.get(exchange.meaning["kind"], _nothing)(record, account, exchange)
        elif record.value.get("interface") == "relay":
            self._relay(record, account)
        self._closes(record, account)
        self._moves(record, account)
        self._bills(record, account)
        self._compare(record, account)
        for posting in record.value.get("journal", ()):
            self._journal[posting["debit"]] += posting["amount_fen"]
            self._journal[posting["credit"]] -= posting["amount_fen"]
            if posting["amount_fen"] <= 0:
                self.texts.append(f"a posting of {record.value['account']} #{record.value['seq']} moves nothing")

    def _meaning(self, record: Row) -> Exchange | None:
        """Return what the sender of a record's command meant, when this record is its outcome here."""
        source = record.value["source"]
        if source["type"] != "command" or record.value["outcome"] not in (*_APPLIED, "REFUSED"):
            return None
        command = self._commands.get((record.partition, source.get("offset", 0)))
        return self._sent.get(message_key(command)) if command else None

    def _expect(self, record: Row, what: str, found: object, expected: object) -> None:
        if found != expected:
            place = f"{record.value['account']} #{record.value['seq']} ({record.partition}@{record.offset})"
            self.texts.append(f"{place}: {what} is {found}, expected {expected}")

    def _refused(self, record: Row, expected: str = "") -> bool:
        """Compare whether and why a message was refused; return whether it was."""
        value = record.value
        reason = value.get("reason", "") if value["outcome"] == "REFUSED" else ""
        if reason not in ("HUB_BUSY", "OUTCOME_TOO_LARGE"):
            self._expect(record, "the refusal", reason, expected)
        return value["outcome"] == "REFUSED"

    # ---- what the generator meant -----------------------------------------------------------------------------

    def _agreement(self, record: Row, account: Account, exchange: Exchange) -> None:
        if self._refused(record):
            return
        for event in events(record, "agreement_signed"):
            account.agreement, account.pack = event["agreement"], exchange.meaning["pack"]
            self._expect(record, "the limit at signing", event.get("limit_fen", 0), account.limit())

    def _score(self, record: Row, account: Account, exchange: Exchange) -> None:
        if not self._refused(record):
            account.observe(exchange.meaning["value"], exchange.meaning["computed_at"])

    def _insurance(self, record: Row, account: Account, exchange: Exchange) -> None:
        if not self._refused(record):
            account.insurance += exchange.meaning["amount_fen"]

    def _prepayment(self, record: Row, account: Account, exchange: Exchange) -> None:
        if not self._refused(record):
            account.deposit(exchange.meaning["institution"], exchange.meaning["amount_fen"])

    def _repayment(self, record: Row, account: Account, exchange: Exchange) -> None:
        if self._refused(record):
            return
        amount, event = exchange.meaning["amount_fen"], next(events(record, "repayment_received"), {})
        self._expect(record, "the payment", event.get("amount_fen"), amount)
        owed = sum(bill.owed() for bill in account.bills.values() if not bill.debiting)
        paid = sum(each["amount_fen"] for each in events(record, "repayment_applied"))
        self._expect(record, "what it paid", paid, min(amount - event.get("waiting_fen", 0), owed))

    def _dft(self, record: Row, account: Account, exchange: Exchange) -> None:
        meaning = exchange.meaning
        institution, visit = meaning["institution"], account.visit(meaning["institution"], meaning["visit"])
        lines = meaning["lines"]
        backs = [(key, amount) for key, kind, amount in lines if kind == "CD"]
        too_much = any(amount > visit.lines.get(key, (0, 0))[1] for key, amount in backs)
        if self._refused(record, "CREDIT_EXCEEDS" if too_much else ""):
            return
        for key, amount in backs:
            self._take_back(record, account, visit, institution, key, amount)
        self._charge(record, account, institution, visit, [(k, amount) for k, kind, amount in lines if kind == "CG"])
        for _, kind, amount in lines:
            if kind == "PY":
                account.deposit(institution, amount)

    def _charge_item(self, record: Row, account: Account, exchange: Exchange) -> None:
        command = self._commands[(record.partition, record.value["source"].get("offset", 0))].value["body"]
        key, amount = _charge_item_line(exchange)
        visit = account.visit(exchange.meaning["institution"], command["visit"])
        if not self._refused(record):
            self._charge(record, account, exchange.meaning["institution"], visit, [(key, amount)])

    def _charge(
        self, record: Row, account: Account, institution: str, visit: Visit, lines: list[tuple[str, int]]
    ) -> None:
        if not lines:
            return
        if institution in HOLDS_FOR_SETTLEMENT and not visit.closed:
            visit.lines |= {key: [-1, amount] for key, amount in lines}
            self._expect(record, "held", sum(e["total_fen"] for e in events(record, "lines_held")), visit.held_fen())
            return
        charge = account.split(institution, visit, sum(amount for _, amount in lines))
        visit.lines |= {key: [len(visit.charges) - 1, amount] for key, amount in lines}
        self._compare_split(record, charge)

    def _claim(self, record: Row, account: Account, exchange: Exchange) -> None:
        command = self._commands[(record.partition, record.value["source"].get("offset", 0))].value["body"]
        institution, split = exchange.meaning["institution"], _claim_split(exchange)
        visit = account.visit(institution, command["visit"])
        if not self._refused(record, "" if visit.held_fen() == split["total"] else "SPLIT_LINES"):
            self._split_held(record, account, institution, visit, split)

    def _split_held(
        self, record: Row, account: Account, institution: str, visit: Visit, split: dict[str, int] | None
    ) -> None:
        total = visit.held_fen()
        if total:
            charge = account.split(institution, visit, total, split)
            number = len(visit.charges) - 1
            visit.lines = {key: [number if of < 0 else of, left] for key, (of, left) in visit.lines.items()}
            self._compare_split(record, charge)

    def _take_back(self, record: Row, account: Account, visit: Visit, institution: str, key: str, amount: int) -> None:
        line = visit.lines[key]
        line[1] -= amount
        if line[0] < 0:
            return
        charge = visit.charges[line[0]]
        back = charge.plan_return(amount) or {}
        said = next(events(record, "charge_reduced"), {})
        self._expect(record, "what went back", allocation(said, "returned"), back)
        account.give_back(institution, charge, back)

    def _compare_split(self, record: Row, charge: Charge) -> None:
        said = next(events(record, "charge_posted"), {})
        self._expect(record, "the split", allocation(said), charge.parts)

    # ---- what follows from it ---------------------------------------------------------------------------------

    def _relay(self, record: Row, account: Account) -> None:
        command = self._commands[(record.partition, record.value["source"].get("offset", 0))].value["body"]
        if command["type"] == "receive_transfer" and record.value["outcome"] == "POSTED":
            place = (command["from_account"], command["institution"])
            self._expect(record, "the transfer", command["prepayment_fen"], self._transit.pop(place, 0))
            account.deposit(command["institution"], command["prepayment_fen"])

    def _closes(self, record: Row, account: Account) -> None:
        for event in events(record, "number_linked"):
            for institution, amount in account.prepayments.items():
                self._transit[(record.value["account"], institution)] += amount
            account.prepayments = dict.fromkeys(account.prepayments, 0)
            self._expect(record, "the linked person", len(event["person"]), 26)
        for event in events(record, "visit_closed"):
            visit = account.visit(event["institution"], event["visit"])
            self._split_held(record, account, event["institution"], visit, None)
            visit.closed = True

    def _bills(self, record: Row, account: Account) -> None:
        for event in (*events(record, "bill_issued"), *events(record, "bill_revised")):
            self._bill(record, account, event)
        self._expect(record, "credit on no bill", account.unbilled(), {})

    def _bill(self, record: Row, account: Account, event: Event) -> None:
        """A bill holds exactly the credit that its charges leave; a revision takes in what is new of its visit."""
        bill = event["bill"]
        if event["type"] == "bill_issued":
            self._bill_of_visit[bill] = f"{event['institution']}|{event['visit']}"
            account.bills[bill] = Bill(0, event["closed_at"])
        for charge in account.visits[self._bill_of_visit[bill]].charges:
            if not charge.bill and charge.credit_fen():
                charge.bill = bill
                account.bills[bill].amount += charge.credit_fen()
        self._expect(record, f"bill {bill}", event.get("amount_fen", 0), account.bills[bill].amount)
        self._expect(record, "the owner", owner(bill), record.value["account"])

    def _moves(self, record: Row, account: Account) -> None:
        for event in record.value.get("events", ()):
            amount = event.get("amount_fen", 0)
            bill = account.bills.get(event.get("bill", ""), Bill(0, 0))
            match event["type"]:
                case "debit_started":
                    if event["new_number"]:
                        self._expect(record, "the debit", amount, bill.owed())
                    bill.debiting = True
                case "debit_failed":
                    bill.debiting = bool(event.get("same_number"))
                case "debit_paid":
                    bill.debiting = False
                    account.pay(bill, amount)
                case "bill_reduction_due":
                    account.reduce(bill, amount)
                case "repayment_received" | "late_payment_received" | "refund_failed":
                    account.refundable += amount
                case "repayment_applied":
                    account.refundable -= amount
                    account.pay(bill, amount)
                case _:
                    _move_back(account, bill, event)

    def _compare(self, record: Row, account: Account) -> None:
        for view in record.value.get("after", ()):
            if view["type"] == "person":
                said = (view.get("insurance_fen", 0), view.get("refundable_fen", 0), view.get("used_fen", 0))
                self._expect(record, "insurance, refundable, used", said, self._balances(account))
                kept = {name: fen for name, fen in view.get("prepayments", {}).items() if fen}
                self._expect(record, "prepayments", kept, {n: fen for n, fen in account.prepayments.items() if fen})
                self._expect(record, "the limit", view.get("limit_fen", 0), account.limit())
            elif view["type"] == "bill":
                bill = account.bills[view["bill"]]
                self._expect(
                    record, "amount, paid", (view["amount_fen"], view.get("paid_fen", 0)), (bill.amount, bill.paid)
                )

    @staticmethod
    def _balances(account: Account) -> tuple[int, int, int]:
        return account.insurance, account.refundable, account.used

    def closing(self) -> list[str]:
        """Return where the postings do not come to the balances, or the clearing accounts not to what moved."""
        texts = [f"prepayment of {place} left and did not arrive" for place, amount in self._transit.items() if amount]
        if sum(self._journal.values()):
            texts.append("the trial balance is not zero")
        for name, account in self.accounts.items():
            pairs = [("insurance", account.insurance), ("refundable", account.refundable)]
            pairs += [(f"prepayment/{where}", fen) for where, fen in account.prepayments.items()]
            texts += [
                f"postings of person/{name}/{path} come to {-self._journal[f'person/{name}/{path}']}, not {fen}"
                for path, fen in pairs
                if -self._journal[f"person/{name}/{path}"] != fen
            ]
            receivable = self._journal[f"agreement/{account.agreement}/receivable"] if account.agreement else 0
            if receivable != account.used:
                texts.append(f"postings make {name} owe {receivable}, not {account.used}")
        return texts + self._clearing()

    def _clearing(self) -> list[str]:
        texts = []
        for channel in _CLEARING:
            gateway = self._evidence.gateways.get(channel, {})
            moved = gateway.get("moved_fen", 0) - gateway.get("refunded_fen", 0)
            if self._journal[f"clearing/{channel}"] != moved:
                texts.append(f"clearing/{channel} holds {self._journal[f'clearing/{channel}']}, the gateway {moved}")
        return texts


def _nothing(_record: Row, _account: Account, _exchange: Exchange) -> None:
    """ADT, Encounter and Patient move nothing by themselves."""


def _move_back(account: Account, bill: Bill, event: Event) -> None:
    """Apply what takes money back, or stops and resumes the line."""
    if event["type"] == "refund_started":
        _refund(account, bill, event)
    elif event["type"] == "channel_refunded":
        account.pay(bill, -event["amount_fen"])
    elif event["type"] in ("suspended", "resumed"):
        account.suspended = event["type"] == "suspended"


def _refund(account: Account, bill: Bill, event: Event) -> None:
    amount, to_balance = event["amount_fen"], event["channel"] in ("balance", "counter")
    if event.get("from_balance"):
        account.refundable -= amount
    else:
        bill.paid -= amount
    account.refundable += amount if to_balance else 0


def _charge_item_line(exchange: Exchange) -> tuple[str, int]:
    """Return key and fen of a ChargeItem, from the digits that were sent."""
    document = json.loads(exchange.sent.partition(b"\n")[2], parse_float=Decimal)
    return document["identifier"][0]["value"], int(document["priceOverride"]["value"] * 100)


def _claim_split(exchange: Exchange) -> dict[str, int]:
    """Return the insurer's parts of a ClaimResponse in fen: what is neither account, other nor cash is the fund's."""
    document = json.loads(exchange.sent.partition(b"\n")[2], parse_float=Decimal)
    totals = {e["category"]["coding"][0]["code"]: int(e["amount"]["value"] * 100) for e in document["total"]}
    parts = {
        each["url"].rpartition(":")[2]: int(each["valueMoney"]["value"] * 100)
        for each in document["extension"]
        if "valueMoney" in each
    }
    return {"total": totals["submitted"], "fund": totals["benefit"] - parts["account"] - parts["other"], **parts}
