"""The oracle is shown ledgers that were tampered with: it must find each fault, and nothing in what is right."""

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

CHAOS = Path(__file__).parents[1] / "chaos"
sys.path.insert(0, str(CHAOS))

import oracle  # noqa: E402 - the chaos tests are no package: their directory has to be named first
from evidence import DAY_MS, HOUR_MS, Clock, Evidence, Exchange, Row, account_of, row, sm3  # noqa: E402
from oracle import complaints  # noqa: E402

CITIZEN = "350290194001010011"
PERSON = account_of("person", CITIZEN)
FEED = account_of("feed", "XM-EGRET|score")
AGREEMENT, BILL, ORDER = (f"{PERSON}{kind}00001" for kind in "ABD")
CLOSED_AT = 10 * DAY_MS
CLOCK = Clock(epoch_city=0, epoch_wall=0, speed=7200)
INDEPENDENT = frozenset(
    (
        "aiokafka",
        "evidence",
        "oracle",
        "oracle_accounts",
        "oracle_books",
        "oracle_debits",
        "oracle_tables",
        "oracle_wire",
    )
)


class City:
    """Writes a small right run: an agreement, a score, a charge of 325.00 on credit, its bill and its debit."""

    def __init__(self) -> None:
        self.sent: list[Exchange] = []
        self.commands: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.seqs: dict[str, int] = {}

    def send(self, wire: str, content: bytes, meaning: dict[str, Any], copy_of: int = 0) -> None:
        """Note an accepted exchange."""
        self.sent.append(Exchange(len(self.sent) + 1, wire, "", content, "accepted", meaning, copy_of))

    def command(self, id_: str, account: str, interface: str, body: dict[str, Any], **more: Any) -> int:
        """Append a command; return its offset."""
        self.commands.append({"id": id_, "account": account, "interface": interface, "body": body, **more})
        return len(self.commands) - 1

    def decide(self, offset: int, outcome: str, *events: dict[str, Any], **more: Any) -> None:
        """Append a command's outcome."""
        command = self.commands[offset]
        source = {"type": "command", "offset": offset}
        self.record(command["account"], source, outcome, *events, command_id=command["id"], **more)

    def record(self, account: str, source: dict[str, Any], outcome: str, *events: dict[str, Any], **more: Any) -> None:
        """Append a ledger record."""
        self.seqs[account] = self.seqs.get(account, 0) + 1
        named = {"account": account, "seq": self.seqs[account], "source": source, "outcome": outcome, "now": CLOSED_AT}
        self.records.append({**named, **more, "events": list(events)})


def hl7(control_id: str) -> bytes:
    """Return bytes that have a control id, all that the oracle reads of them."""
    return f"MSH|^~\\&|HIS|XMZSH|XMHUB|XM|20260701||DFT^P03|{control_id}|P|2.5.1\r".encode()


def view(**fen: Any) -> dict[str, Any]:
    """Return how a person stands after a record."""
    return {"type": "person", "prepayments": {}, **fen}


def right_run() -> City:
    """Return a run in which everything is as it must be; a DFT and a notice came twice."""
    city = City()
    _enrols(city)
    _is_charged(city)
    _is_debited(city)
    return city


def _enrols(city: City) -> None:
    agreement = {"person": {"citizen_id": CITIZEN}, "channel_agreement": "AG1"}
    body = f"POST /api/v1/agreements\n{json.dumps(agreement)}".encode()
    city.send("http", body, {"kind": "agreement", "pack": "xiamen-platform-2024"})
    city.send(
        "http", b'POST /feeds/egret/v1/messages\n{"msg_id": "M1"}', {"kind": "score", "value": 680, "computed_at": 1}
    )
    signed = {"type": "agreement_signed", "agreement": AGREEMENT, "limit_fen": 0}
    sign = city.command("i1", PERSON, "api", {"type": "sign_agreement", "channel_agreement": "AG1"})
    city.decide(sign, "RECORDED", signed, after=[view()])
    feed = city.command("i2", FEED, "score", {"type": "receive_feed_message", "message_id": "M1"})
    city.decide(feed, "FORWARDED")
    via = {"partition": 0, "account": FEED, "seq": 1}
    score = city.command("i2", PERSON, "score", {"type": "observe_score", "message_id": "M1"}, via=via)
    city.decide(score, "RECORDED", after=[view(limit_fen=500_000)])


def _is_charged(city: City) -> None:
    meaning = {"kind": "dft", "institution": "XMZSH", "visit": "V1", "lines": [["F1", "CG", 32_500]]}
    for copy_of in (0, 3):
        city.send("mllp", hl7("C1"), meaning, copy_of)
    city.send("mllp", hl7("C2"), {"kind": "adt", "event": "A03"})
    body = {"type": "post_charge", "institution": "XMZSH", "visit": "V1", "event_at": CLOSED_AT - HOUR_MS}
    first, again = (city.command("i3", PERSON, "mllp", body, receipt_key="HIS|XMZSH|C1|abc") for _ in range(2))
    split = {"credit_fen": 32_500}
    posted = {"type": "charge_posted", "charge": "c", "total_fen": 32_500, "allocation": split}
    owes = view(limit_fen=500_000, used_fen=32_500)
    journal = [{"debit": f"agreement/{AGREEMENT}/receivable", "credit": "charges", "amount_fen": 32_500}]
    city.decide(first, "POSTED", posted, after=[owes], journal=journal)
    city.decide(again, "DUPLICATE")
    close = {"type": "record_visit", "institution": "XMZSH", "visit": "V1", "event_at": CLOSED_AT}
    at = city.command("i4", PERSON, "mllp", close, receipt_key="HIS|XMZSH|C2|abc")
    closed = {"type": "visit_closed", "institution": "XMZSH", "visit": "V1", "closed_at": CLOSED_AT}
    issued = {**closed, "type": "bill_issued", "bill": BILL, "pack": "xiamen-platform-2024", "amount_fen": 32_500}
    city.decide(at, "RECORDED", closed, issued, after=[owes])


def _is_debited(city: City) -> None:
    started = {"type": "debit_started", "bill": BILL, "order_no": ORDER, "amount_fen": 32_500, "new_number": True}
    due = {"type": "timer", "kind": "auto_debit", "due_at": CLOSED_AT + 72 * HOUR_MS, "subject": BILL}
    city.record(PERSON, due, "TIMER", started)
    result = {"type": "record_gateway_result", "order_no": ORDER}
    paid = {"type": "debit_paid", "bill": BILL, "order_no": ORDER, "amount_fen": 32_500}
    said = city.command("r1", PERSON, "courier", result)
    receivable = f"agreement/{AGREEMENT}/receivable"
    journal = [{"debit": "clearing/alipay", "credit": receivable, "amount_fen": 32_500}]
    city.decide(said, "POSTED", paid, after=[view(limit_fen=500_000)], journal=journal)
    notice = {"type": "receive_notice", "order_no": ORDER, "notice_id": "N1"}
    first, again = (city.command("n1", PERSON, "alipay", notice) for _ in range(2))
    city.decide(first, "RECORDED")
    city.decide(again, "DUPLICATE")


def gateway(**changes: Any) -> dict[str, Any]:
    """Return the gateway's book: one order, moved once, its notice sent twice and taken twice."""
    arrived = int((CLOSED_AT + 72 * HOUR_MS) / 7200) + 20
    order = {
        "order_no": ORDER,
        "amount_fen": 32_500,
        "state": "PAID",
        "moved": True,
        "expires_wall_at": arrived + 3 * HOUR_MS,
        "movements": [{"kind": "debit", "amount_fen": 32_500, "wall_at": arrived}],
        "attempts": [{"attempt": 1, "arrived_wall_at": arrived}],
        "notices": [{"notice_id": "N1", "status": "TRADE_SUCCESS", "sends": 2, "positive_answers": 2}],
    }
    order.update(changes)
    moved = sum(each["amount_fen"] for each in order["movements"])
    return {"moved_count": 1, "moved_fen": moved, "refunded_fen": 0, "orders": [order]}


def evidence(city: City, book: dict[str, Any] | None = None) -> Evidence:
    """Return what the run left behind, its ledger chained as it must be."""
    ledger: list[Row] = []
    previous = ""
    for offset, record in enumerate(city.records):
        linked = {**record, "previous_hash": previous} if previous else record
        text = json.dumps(linked, separators=(",", ":")).encode()
        previous = sm3(previous.encode() + record["account"].encode() + text)
        whole = text[:-1] + f',"hash":"{previous}"}}'.encode()
        ledger.append(row(0, offset, record["account"].encode(), whole))
    commands = [row(0, n, c["account"].encode(), json.dumps(c).encode()) for n, c in enumerate(city.commands)]
    return Evidence(city.sent, {"alipay": book or gateway()}, commands, ledger, [], CLOCK)


def find(city: City, outcome: str, nth: int = 0) -> dict[str, Any]:
    """Return the n-th record with an outcome."""
    return [record for record in city.records if record["outcome"] == outcome][nth]


def test_the_oracle_is_silent_about_a_run_in_which_everything_is_right():
    """Without this, every other test here would prove nothing."""
    assert complaints(evidence(right_run())) == []


def reversed_while_debited() -> City:
    """Return a right run in which the charge is taken back after its debit began, and given back once it is paid."""
    city = City()
    _enrols(city)
    _is_charged(city)
    receivable, waiting = f"agreement/{AGREEMENT}/receivable", f"agreement/{AGREEMENT}/reductions"
    started = {"type": "debit_started", "bill": BILL, "order_no": ORDER, "amount_fen": 32_500, "new_number": True}
    due = {"type": "timer", "kind": "auto_debit", "due_at": CLOSED_AT + 72 * HOUR_MS, "subject": BILL}
    city.record(PERSON, due, "TIMER", started)
    meaning = {"kind": "dft", "institution": "XMZSH", "visit": "V1", "lines": [["F1", "CD", 32_500]]}
    city.send("mllp", hl7("C3"), meaning)
    body = {"type": "post_charge", "institution": "XMZSH", "visit": "V1", "event_at": CLOSED_AT}
    back = city.command("i5", PERSON, "mllp", body, receipt_key="HIS|XMZSH|C3|abc")
    reduced = {"type": "charge_reduced", "charge": "c", "returned": {"credit_fen": 32_500}, "waits": True}
    still = view(limit_fen=500_000, used_fen=32_500)
    journal = [{"debit": "charges", "credit": waiting, "amount_fen": 32_500}]
    city.decide(back, "POSTED", reduced, after=[still], journal=journal)
    events = (
        {"type": "debit_paid", "bill": BILL, "order_no": ORDER, "amount_fen": 32_500},
        {"type": "bill_reduction_due", "bill": BILL, "amount_fen": 32_500},
        {"type": "refund_started", "bill": BILL, "amount_fen": 32_500, "channel": "alipay"},
    )
    accounts = (("clearing/alipay", receivable), (waiting, receivable), (receivable, "refunds"))
    journal = [{"debit": debit, "credit": credit, "amount_fen": 32_500} for debit, credit in accounts]
    said = city.command("r1", PERSON, "courier", {"type": "record_gateway_result", "order_no": ORDER})
    city.decide(said, "POSTED", *events, after=[view(limit_fen=500_000)], journal=journal)
    return city


def test_the_oracle_is_silent_about_a_reversal_that_waited_for_its_debit():
    """Payment, reduction and refund stand in one record: they count in the order of its events."""
    assert complaints(evidence(reversed_while_debited(), gateway(notices=[]))) == []


def test_the_oracle_imports_nothing_of_the_product():
    """Only the standard library, its own modules, and for reading topics a Kafka client."""
    for name in (
        "evidence",
        "oracle",
        "oracle_accounts",
        "oracle_books",
        "oracle_debits",
        "oracle_tables",
        "oracle_wire",
        "topic_reader",
    ):
        tree = ast.parse((CHAOS / f"{name}.py").read_text())
        imported = {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {each.partition(".")[0] for each in imported} <= sys.stdlib_module_names | INDEPENDENT, name


def test_a_command_without_an_outcome_is_found():
    """A lost record shows at its offset, in the account's count and in the chain."""
    city = right_run()
    city.records.remove(find(city, "RECORDED", 3))
    assert any("7 has 0 outcomes" in text for text in complaints(evidence(city)))


def test_a_ledger_with_a_hole_is_judged_to_its_end():
    """What follows a lost record speaks of things nothing made; the oracle says so and goes on."""
    city = right_run()
    lost = find(city, "RECORDED", 2)
    city.records.remove(lost)
    find(city, "POSTED", 1)["after"].append({"type": "bill", "bill": BILL, "amount_fen": 32_500})
    texts = complaints(evidence(city))
    assert any(f"speaks of '{BILL}', which nothing before it made" in text for text in texts)
    assert any("has 0 outcomes" in text for text in texts)


def test_a_command_with_two_outcomes_is_found():
    """The same offset decided twice, as by a worker that was not fenced."""
    city = right_run()
    city.records.append({**find(city, "POSTED", 1), "seq": 11})
    assert any("has 2 outcomes" in text for text in complaints(evidence(city)))


def test_a_hole_in_the_commands_is_found():
    """A command that vanished from the log is missed though its neighbours have outcomes."""
    whole = evidence(right_run())
    torn = replace(whole, commands=[each for each in whole.commands if each.offset != 2])
    assert any("not all there" in text for text in complaints(torn))


def test_an_acknowledged_message_that_is_nowhere_is_found():
    """The sender heard AA, the topics do not know the message."""
    city = right_run()
    city.send("mllp", hl7("C3"), {"kind": "adt", "event": "A08"})
    assert any("was accepted 1 times and is 0 times" in text for text in complaints(evidence(city)))


def test_a_message_that_nobody_sent_is_found():
    """A command appears that no sender's log knows."""
    city = right_run()
    offset = city.command("i9", PERSON, "mllp", {"type": "record_visit"}, receipt_key="HIS|XMZSH|C9|abc")
    city.decide(offset, "RECORDED")
    assert any("nobody sent" in text for text in complaints(evidence(city)))


def test_a_message_stored_more_often_than_it_was_sent_is_found():
    """A replay of the edge that dedupe would hide: recognised as duplicate, but nobody sent it again."""
    city = right_run()
    offset = city.command("i3", PERSON, "mllp", dict(city.commands[3]["body"]), receipt_key="HIS|XMZSH|C1|abc")
    city.decide(offset, "DUPLICATE")
    assert any("is 3 times in commands" in text for text in complaints(evidence(city)))


def test_a_lost_duplicate_is_found():
    """The repeat of a charge was booked as a new one that moves nothing: the count of duplicates is one short."""
    city = right_run()
    find(city, "DUPLICATE")["outcome"] = "LATE"
    texts = complaints(evidence(city))
    assert any("expected {'DUPLICATE': 1}, found {}" in text for text in texts)
    assert any("1 duplicates, but 2 messages arrived again" in text for text in texts)
    assert any("2 final outcomes" in text for text in texts)


def test_a_relay_booked_twice_is_found():
    """The same relay, twice delivered, must be a repeat."""
    city = right_run()
    again = city.command("i2", PERSON, "score", dict(city.commands[2]["body"]), via=city.commands[2]["via"])
    city.decide(again, "RECORDED")
    assert any("RELAY_REPEATED" in text for text in complaints(evidence(city)))


def test_a_split_that_is_one_fen_off_is_found():
    """The second arithmetic knows what credit had to give."""
    city = right_run()
    find(city, "POSTED")["events"][0]["allocation"] = {"credit_fen": 32_499, "self_pay_fen": 1}
    assert any("the split" in text for text in complaints(evidence(city)))


def test_a_balance_that_is_one_fen_off_is_found():
    """What a record says of the person is compared with what everything before it comes to."""
    city = right_run()
    find(city, "POSTED")["after"][0]["used_fen"] = 32_501
    assert any("insurance, refundable, used" in text for text in complaints(evidence(city)))


def test_a_posting_that_is_one_fen_off_is_found():
    """The postings must come to the balances, and the clearing account to what the gateway moved."""
    city = right_run()
    find(city, "POSTED", 1)["journal"][0]["amount_fen"] -= 1
    texts = complaints(evidence(city))
    assert any("clearing/alipay holds 32499" in text for text in texts)
    assert any("owe 1, not 0" in text for text in texts)


def test_a_bill_that_leaves_a_charge_out_is_found():
    """A bill is the credit of its visit, to the fen."""
    city = right_run()
    find(city, "RECORDED", 2)["events"][1]["amount_fen"] = 30_000
    assert any(f"bill {BILL}" in text for text in complaints(evidence(city)))


def test_a_line_above_its_tier_is_found():
    """A score of 680 gives 5,000.00 under this pack, not more."""
    city = right_run()
    find(city, "RECORDED", 1)["after"][0]["limit_fen"] = 800_000
    assert any("the limit is 800000, expected 500000" in text for text in complaints(evidence(city)))


def test_money_that_moved_twice_for_one_order_is_found():
    """The gateway's own book shows two movements."""
    twice = [{"kind": "debit", "amount_fen": 32_500, "wall_at": 1}] * 2
    texts = complaints(evidence(right_run(), gateway(movements=twice)))
    assert any("moved 2 times and is booked 1 times" in text for text in texts)
    assert any("was debited 65000" in text for text in texts)


def test_money_that_moved_and_was_never_booked_is_found():
    """The courier died between the gateway's success and the result, and nobody asked again."""
    city = right_run()
    find(city, "POSTED", 1)["events"] = []
    assert any("moved 1 times and is booked 0 times" in text for text in complaints(evidence(city)))


def test_a_debit_that_was_booked_and_never_moved_is_found():
    """The ledger says paid; the gateway moved nothing."""
    book = gateway(movements=[], moved=False, state="REFUSED")
    assert any("moved 0 times and is booked 1 times" in text for text in complaints(evidence(right_run(), book)))


def test_a_debit_before_its_72_hours_is_found():
    """The call reached the gateway when city time had not come that far, whatever the ledger says."""
    early = int((CLOSED_AT + 71 * HOUR_MS) / 7200)
    book = gateway(attempts=[{"attempt": 1, "arrived_wall_at": early}])
    assert any("city hours early" in text for text in complaints(evidence(right_run(), book)))


def test_a_second_number_while_the_first_is_live_is_found():
    """A new order number on an unknown result: the planted fault of the courier's life."""
    city = right_run()
    due = {"type": "timer", "kind": "debit_retry", "due_at": CLOSED_AT + 73 * HOUR_MS, "subject": BILL}
    started = {**find(city, "TIMER")["events"][0], "order_no": f"{PERSON}D00002"}
    number = city.records.index(find(city, "TIMER"))
    city.record(PERSON, due, "TIMER", started)
    city.records.insert(number + 1, city.records.pop())
    assert any("was live" in text for text in complaints(evidence(city)))


def test_a_timer_that_fired_twice_is_found():
    """One timer, one instant, one record."""
    city = right_run()
    timer = find(city, "TIMER")
    city.record(PERSON, timer["source"], "TIMER")
    assert any("fired 2 times" in text for text in complaints(evidence(city)))


def test_a_record_changed_after_it_was_written_breaks_the_chain():
    """The hash of the record no longer fits, nor does its successor's."""
    whole = evidence(right_run())
    changed = whole.ledger[3]._replace(raw=whole.ledger[3].raw.replace(b"32500", b"32600"))
    torn = replace(whole, ledger=[*whole.ledger[:3], changed, *whole.ledger[4:]])
    assert any("breaks at offset 3" in text for text in complaints(torn))


@pytest.mark.parametrize("speed", [1, 7200])
def test_an_accepted_notice_that_is_nowhere_is_found(speed: int):
    """The gateway was told `success` three times, the log has two."""
    notice = {"notice_id": "N1", "status": "TRADE_SUCCESS", "sends": 3, "positive_answers": 3}
    told = replace(evidence(right_run(), gateway(notices=[notice])), clock=CLOCK._replace(speed=speed))
    assert any("accepted 3 times, sent 3, and is 2 times" in text for text in oracle.complaints(told))


def test_a_record_that_the_books_lack_or_hold_twice_is_found():
    """A projector whose position is off by one leaves a record out; one that is not fenced writes it again."""
    whole = evidence(right_run())
    rows = [(each.partition, each.offset, each.value["hash"]) for each in whole.ledger]
    assert complaints(replace(whole, projected=rows)) == []
    assert complaints(replace(whole, projected=rows[1:])) == ["the books lack the record 0@0"]
    assert complaints(replace(whole, projected=[*rows, rows[2]])) == ["the books have 0@2 too often, or otherwise"]


def test_a_debit_that_came_due_and_never_began_is_found():
    """A timer lost on restore: the bill is owed, its time is long over, and nothing was started."""
    city = right_run()
    del city.records[-4:], city.commands[-3:]
    find(city, "RECORDED", 2)["after"].append({"type": "bill", "bill": BILL, "amount_fen": 32_500})
    idle = {"moved_count": 0, "moved_fen": 0, "refunded_fen": 0, "orders": []}
    run = replace(evidence(city, idle), city_at_rest=CLOSED_AT + 100 * HOUR_MS)
    assert complaints(run) == [f"bill {BILL} was due 28.0 city hours ago: no debit"]
    assert complaints(replace(run, city_at_rest=CLOSED_AT + 80 * HOUR_MS)) == []


def test_a_number_that_is_replaced_while_it_could_still_come_to_exist_is_found():
    """The gateway never heard of the first number; until its expiry and five minutes it still may."""
    city = right_run()
    second = f"{PERSON}D00002"
    failed = {"type": "debit_failed", "bill": BILL, "order_no": ORDER}
    due = {"type": "timer", "kind": "debit_retry", "due_at": CLOSED_AT + 73 * HOUR_MS, "subject": BILL}
    timer = city.records.index(find(city, "TIMER"))
    started = {**city.records[timer]["events"][0], "order_no": second}
    city.record(PERSON, due, "TIMER", failed, started)
    city.records.insert(timer + 1, city.records.pop())
    find(city, "POSTED", 1)["events"][0]["order_no"] = second
    book = gateway(order_no=second)
    never = {**gateway()["orders"][0], "state": "ABSENT", "moved": False, "movements": [], "notices": []}
    book["orders"].append(never)
    texts = complaints(evidence(city, book))
    assert any("could still come to exist" in text for text in texts)
    freed = {**never, "expires_wall_at": -200_000, "attempts": []}
    patient = {**book, "orders": [book["orders"][0], freed]}
    assert not any("could still" in text for text in complaints(evidence(city, patient)))


def test_a_refusal_without_its_dead_letter_is_found():
    """What the lanes refuse is kept sealed, once."""
    city = right_run()
    refused = {**find(city, "RECORDED", 2), "outcome": "REFUSED", "reason": "VISIT_ARCHIVED", "interface": "mllp"}
    city.records[city.records.index(find(city, "RECORDED", 2))] = refused
    lost = evidence(city)
    assert any("is not among the dead letters" in text for text in complaints(lost))
    letter = row(0, 0, b"hl7", json.dumps({"id": "L", "command_id": "i4", "raw_sealed": "x", "wire": "mllp"}).encode())
    assert not any("dead letter" in text for text in complaints(replace(lost, dead_letters=[letter])))
    assert "dead letter L is there twice" in complaints(replace(lost, dead_letters=[letter, letter]))


def test_a_stream_table_that_lacks_a_record_is_found():
    """The table adds up every record of the ledger once: one less or one more shows."""
    city = right_run()
    sums = {"count": len(city.records), "charged_fen": 32_500, "credit_fen": 32_500, "debits_paid": 1}

    def with_row(count: int) -> list[str]:
        kept = row(0, 7, b'[0,"XMZSH"]', json.dumps({"sums": {**sums, "count": count}}).encode())
        return complaints(replace(evidence(city), institution_rows=[kept]))

    assert with_row(len(city.records)) == []
    short, long = with_row(len(city.records) - 1), with_row(len(city.records) + 1)
    assert len(short) == len(long) == 1
    assert "the table of institutions says count" in short[0]
