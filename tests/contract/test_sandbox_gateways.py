"""Both gateways over loopback, spoken to by a merchant built by hand: answers, sentinels, notices, the book."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sandbox_world import Merchant, check, joined, market, until

from adapters.sandbox.settings import Mix


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def merchant(keys: Path) -> AsyncIterator[Merchant]:
    """A merchant at both gateways; delays are a hundredth."""
    async with market(keys) as found:
        yield found


def notices_of(entry: dict[str, Any]) -> list[tuple[str, int, bool]]:
    """Return status, sends and acceptance of each delivery."""
    return [(notice["status"], notice["sends"], notice["answered"]) for notice in entry["notices"]]


def code_of(said: dict[str, Any]) -> str:
    """Return the business word of an Alipay answer."""
    return str(said.get("sub_code", said["code"]))


async def test_alipay_debits_once_and_tells_it_everywhere(merchant: Merchant):
    """Answer, query, notice and book agree; a repeat is told that it has succeeded and moves nothing."""
    said = await merchant.pay("XM1", "8.10")
    assert (said["code"], said["out_trade_no"], said["total_amount"]) == ("10000", "XM1", "8.10")
    assert code_of(await merchant.pay("XM1", "8.10")) == "ACQ.TRADE_HAS_SUCCESS"
    assert code_of(await merchant.pay("XM1", "8.11")) == "ACQ.CONTEXT_INCONSISTENT"
    asked = await merchant.ask("XM1")
    assert (asked["trade_status"], asked["trade_no"]) == ("TRADE_SUCCESS", said["trade_no"])
    await merchant.receiver.wait(1)
    (notice,) = merchant.receiver.fields
    check(merchant.alipay_public, joined(notice, "sign", "sign_type", keep_empty=True).encode(), notice["sign"])
    assert (notice["trade_status"], notice["total_amount"]) == ("TRADE_SUCCESS", "8.10")
    assert (notice["seller_id"], notice["passback_params"]) == ("2088000000000001", "attempt.1")
    entry = await until(lambda: _answered(merchant, "alipay", "XM1"))
    assert (entry["moved"], entry["amount_fen"], entry["state"]) == (True, 810, "PAID")
    assert entry["calls"] == {"debit": 3, "query": 1, "refund": 0, "cancel": 0}
    assert [(move["kind"], move["amount_fen"]) for move in entry["movements"]] == [("debit", 810)]
    assert notices_of(entry) == [("TRADE_SUCCESS", 1, True)]


async def _answered(merchant: Merchant, channel: str, number: str) -> dict[str, Any] | None:
    entry = await merchant.entry(channel, number)
    return entry if entry["notices"] and all(notice["answered"] for notice in entry["notices"]) else None


async def test_unionpay_accepts_first_and_says_paid_in_query_and_notice(merchant: Merchant):
    """00 is acceptance; the query's two codes and the notice say what moved; a repeat is told 12."""
    said = await merchant.debit("XM0000001", 810)
    assert (said["respCode"], said["orderId"]) == ("00", "XM0000001")
    assert (await merchant.debit("XM0000001", 810))["respCode"] == "12"
    asked = await merchant.inquire("XM0000001")
    assert (asked["respCode"], asked["origRespCode"], asked["txnAmt"]) == ("00", "00", "810")
    assert (asked["queryId"], asked["merId"]) == (said["queryId"], "777290058146592")
    await merchant.receiver.wait(1)
    (notice,) = merchant.receiver.fields
    merchant.check_union(notice)
    assert (notice["respCode"], notice["txnType"], notice["reqReserved"]) == ("00", "11", "attempt.1")
    entry = await until(lambda: _answered(merchant, "unionpay", "XM0000001"))
    assert (entry["moved"], notices_of(entry)) == (True, [("PAID", 1, True)])
    assert (await merchant.union("/gateway/api/queryTrans.do", txnType="00", orderId="XM0000001",
                                 txnTime="20200101000000"))["respCode"] == "34"  # fmt: skip


@pytest.mark.parametrize("changes", [{"sign": "AAAA"}, {"sign_type": "RSA"}, {"method": "alipay.trade.unknown"}])
async def test_alipay_takes_no_call_it_cannot_believe(merchant: Merchant, changes: dict[str, str]):
    """A bad signature, another signature type, an unknown method: a gateway fault, and nothing moves."""
    changes = {"method": "alipay.trade.pay", **changes}
    method = changes.pop("method")
    said = await merchant.alipay(method, merchant.pay_content("XM2", "1.99"), **changes)
    assert said["code"] == "40002"
    assert not (await merchant.ledger("alipay"))["orders"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"signature": "AAAA"}, "11"), ({"certId": "1"}, "11"), ({"txnAmt": "0810"}, "10"), ({"txnTime": ""}, "13")],
)
async def test_unionpay_takes_no_call_it_cannot_believe(merchant: Merchant, changes: dict[str, str], code: str):
    """A bad signature, a foreign certificate, a leading zero, a missing field: refused, and nothing moves."""
    fields = {**merchant.debit_fields("XM0000002", 810), **changes}
    assert (await merchant.union("/gateway/api/backTransReq.do", **fields))["respCode"] == code
    assert not (await merchant.ledger("unionpay"))["orders"]


@pytest.mark.parametrize(
    ("fen", "code"),
    [
        (101, "ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        (103, "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR"),
        (104, "ACQ.AGREEMENT_NOT_EXIST"),
        (105, "ACQ.PAYMENT_REQUEST_HAS_RISK"),
        (106, "ACQ.CYCLE_PAY_DATE_NOT_MATCH"),
        (107, "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
        (133, "ACQ.AGREEMENT_NOT_EXIST"),
    ],
)
async def test_alipay_refuses_by_sentinel_and_again_the_same(merchant: Merchant, fen: int, code: str):
    """The refusal is the same at every repeat; no order exists and nothing moves."""
    said = [await merchant.pay("XM3", f"1.{fen - 100:02d}") for _ in range(2)]
    assert [(one["code"], one["sub_code"]) for one in said] == [("40004", code)] * 2
    assert code_of(await merchant.ask("XM3")) == "ACQ.TRADE_NOT_EXIST"
    assert not (await merchant.entry("alipay", "XM3"))["moved"]


@pytest.mark.parametrize(("fen", "code"), [(103, "33"), (104, "40"), (105, "38"), (106, "39"), (107, "63")])
async def test_unionpay_refuses_by_sentinel(merchant: Merchant, fen: int, code: str):
    """Refused at once, the query repeats the code, no notice."""
    assert (await merchant.debit("XM0000003", fen))["respCode"] == code
    assert (await merchant.inquire("XM0000003"))["origRespCode"] == code
    entry = await merchant.entry("unionpay", "XM0000003")
    assert (entry["moved"], entry["notices"]) == (False, [])


async def test_unionpay_accepts_and_the_query_knows_that_the_money_is_not_there(merchant: Merchant):
    """Sentinel 101: 00 at once, 64 in the query, never a notice."""
    assert (await merchant.debit("XM0000004", 101))["respCode"] == "00"
    assert (await merchant.inquire("XM0000004"))["origRespCode"] == "64"
    entry = await merchant.entry("unionpay", "XM0000004")
    assert (entry["moved"], entry["notices"]) == (False, [])


async def test_the_third_attempt_of_102_is_paid(merchant: Merchant):
    """Attempts 1 and 2 lack money, 3 is paid: under one Alipay number, and under three of UnionPay."""
    assert [code_of(await merchant.pay("XM5", "1.02", attempt)) for attempt in (1, 2, 3)] == [
        "ACQ.BUYER_BALANCE_NOT_ENOUGH",
        "ACQ.BUYER_BALANCE_NOT_ENOUGH",
        "10000",
    ]
    found = []
    for attempt in (1, 2, 3):
        fields = merchant.debit_fields(f"XM000005{attempt}", 102, attempt=attempt)
        await merchant.union("/gateway/api/backTransReq.do", **fields)
        found.append((await merchant.inquire(f"XM000005{attempt}"))["origRespCode"])
    assert found == ["64", "64", "00"]


async def test_a_dead_agreement_is_told_by_notice_too(merchant: Merchant):
    """Sentinel 104 at Alipay sends `dut_user_unsign` of the agreement."""
    await merchant.pay("XM6", "1.04")
    await merchant.receiver.wait(1)
    (notice,) = merchant.receiver.fields
    assert (notice["notify_type"], notice["agreement_no"], notice["status"]) == ("dut_user_unsign", "AGRXM6", "UNSIGN")


async def test_a_pending_debit_is_paid_after_eight_seconds(merchant: Merchant):
    """Sentinel 108: answered as waiting, later paid with a notice, on both channels."""
    await merchant.control("alipay", "clock", advance_s=0)
    assert (await merchant.pay("XM7", "1.08"))["code"] == "10003"
    assert (await merchant.debit("XM0000007", 108))["respCode"] == "05"
    assert (await merchant.ask("XM7"))["trade_status"] in ("WAIT_BUYER_PAY", "TRADE_SUCCESS")
    await merchant.receiver.wait(2)
    assert (await merchant.ask("XM7"))["trade_status"] == "TRADE_SUCCESS"
    assert (await merchant.inquire("XM0000007"))["origRespCode"] == "00"


async def test_a_pending_debit_that_closes_moves_nothing(merchant: Merchant):
    """Sentinel 109 with the clock moved on: closed; only Alipay tells."""
    await merchant.pay("XM8", "1.09")
    await merchant.debit("XM0000008", 109)
    await merchant.control("unionpay", "clock", advance_s=91)
    assert (await merchant.ask("XM8"))["trade_status"] == "TRADE_CLOSED"
    assert (await merchant.inquire("XM0000008"))["origRespCode"] == "01"
    await merchant.receiver.wait(1)
    assert [notice["trade_status"] for notice in merchant.receiver.fields] == ["TRADE_CLOSED"]
    books = [await merchant.ledger(channel) for channel in ("alipay", "unionpay")]
    assert [book["moved_fen"] for book in books] == [0, 0]


async def test_a_pending_debit_closes_at_its_expiry(keys: Path):
    """A payment planned for after the expiry never happens, on either channel."""
    async with market(keys, delay_scale=1) as merchant:
        await merchant.pay("XM9", "1.08", expires_s=3)
        await merchant.debit("XM0000009", 108, expires_s=3)
        await merchant.control("alipay", "clock", advance_s=20)
        assert (await merchant.ask("XM9"))["trade_status"] == "TRADE_CLOSED"
        assert (await merchant.inquire("XM0000009"))["origRespCode"] == "01"
        for channel in ("alipay", "unionpay"):
            assert (await merchant.ledger(channel))["moved_count"] == 0


@pytest.mark.parametrize("fen", [110, 111])
async def test_a_cut_connection_hides_whether_money_moved(merchant: Merchant, fen: int):
    """Sentinels 110 and 111: no answer; the query and the book know."""
    with pytest.raises(aiohttp.ClientError):
        await merchant.pay("XM10", f"1.{fen - 100}")
    with pytest.raises(aiohttp.ClientError):
        await merchant.debit("XM0000010", fen)
    asked, inquired = await merchant.ask("XM10"), await merchant.inquire("XM0000010")
    moved = [
        (await merchant.entry("alipay", "XM10"))["moved"],
        (await merchant.entry("unionpay", "XM0000010"))["moved"],
    ]
    if fen == 110:
        assert (asked["trade_status"], inquired["origRespCode"], moved) == ("TRADE_SUCCESS", "00", [True, True])
    else:
        assert (code_of(asked), inquired["respCode"], moved) == ("ACQ.TRADE_NOT_EXIST", "34", [False, False])


async def test_a_bad_gateway_answers_once_with_a_page(merchant: Merchant):
    """Sentinel 112: 502 with HTML and nothing moved, then the same number is debited."""
    with pytest.raises(aiohttp.ClientResponseError, match="502"):
        await merchant.pay("XM12", "1.12")
    with pytest.raises(aiohttp.ClientResponseError, match="502"):
        await merchant.debit("XM0000012", 112)
    assert code_of(await merchant.ask("XM12")) == "ACQ.TRADE_NOT_EXIST"
    assert (await merchant.pay("XM12", "1.12"))["code"] == "10000"
    assert (await merchant.debit("XM0000012", 112))["respCode"] == "00"


@pytest.mark.parametrize(("channel", "sends"), [("alipay", 3), ("unionpay", 5)])
async def test_a_notice_is_repeated_although_it_was_accepted(merchant: Merchant, channel: str, sends: int):
    """Sentinel 114: the same notice id again and again; the book counts the sends beyond the first."""
    await (merchant.pay("XM0000014", "1.14") if channel == "alipay" else merchant.debit("XM0000014", 114))
    await merchant.receiver.wait(sends)
    assert len(set(merchant.receiver.bodies)) == 1
    book = await until(lambda: _resent(merchant, channel, sends - 1))
    (notice,) = book["orders"][0]["notices"]
    assert (notice["sends"], notice["positive_answers"], book["notices_sent"]) == (sends, sends, sends)


async def _resent(merchant: Merchant, channel: str, count: int) -> dict[str, Any] | None:
    book = await merchant.ledger(channel)
    return book if book["resends"] == count else None


async def test_a_payment_that_never_sends_a_notice(merchant: Merchant):
    """Sentinel 113: paid, and silence."""
    await merchant.pay("XM13", "1.13")
    await merchant.debit("XM0000013", 113)
    await merchant.control("alipay", "clock", advance_s=3600)
    for channel, number in (("alipay", "XM13"), ("unionpay", "XM0000013")):
        entry = await merchant.entry(channel, number)
        assert (entry["moved"], entry["notices"]) == (True, [])


async def test_the_notice_comes_before_the_answer(merchant: Merchant):
    """Sentinel 115: when the answer arrives, the notice has been taken."""
    await merchant.pay("XM15", "1.15")
    assert len(merchant.receiver.bodies) == 1
    await merchant.debit("XM0000015", 115)
    assert len(merchant.receiver.bodies) == 2


async def test_a_stale_notice_follows_the_payment(merchant: Merchant):
    """Sentinel 116 at Alipay: TRADE_SUCCESS, then WAIT_BUYER_PAY under another id."""
    await merchant.pay("XM16", "1.16")
    await merchant.receiver.wait(2)
    assert [notice["trade_status"] for notice in merchant.receiver.fields] == ["TRADE_SUCCESS", "WAIT_BUYER_PAY"]
    assert len({notice["notify_id"] for notice in merchant.receiver.fields}) == 2


async def test_the_refund_notice_comes_before_that_of_the_debit(merchant: Merchant):
    """Sentinel 116 at UnionPay."""
    said = await merchant.debit("XM0000016", 116)
    await merchant.give_back("XM0000016R", 50, said["queryId"])
    await merchant.receiver.wait(2)
    assert [notice["txnType"] for notice in merchant.receiver.fields] == ["04", "11"]


async def test_the_first_notice_is_forged_and_the_second_good(merchant: Merchant):
    """Sentinel 117: the refused send is followed by a good one under the same id, and counted as a resend."""
    merchant.receiver.reply = lambda number: (200, b"success") if number == 2 else (400, b"fail")
    await merchant.pay("XM17", "1.17")
    await merchant.receiver.wait(2)
    first, second = merchant.receiver.fields
    assert first["notify_id"] == second["notify_id"]
    with pytest.raises(InvalidSignature):
        check(merchant.alipay_public, joined(first, "sign", "sign_type", keep_empty=True).encode(), first["sign"])
    check(merchant.alipay_public, joined(second, "sign", "sign_type", keep_empty=True).encode(), second["sign"])
    book = await until(lambda: _resent(merchant, "alipay", 1))
    assert book["orders"][0]["notices"][0]["replies"] == ["400", "200"]


async def test_a_foreign_chain_bears_the_right_names(merchant: Merchant):
    """Sentinel 117 at UnionPay: names as of the signer, signature holds, but the pinned issuer did not sign it."""
    merchant.receiver.reply = lambda number: (200, b"") if number == 2 else (401, b"")
    await merchant.debit("XM0000017", 117)
    await merchant.receiver.wait(2)
    first, second = merchant.receiver.fields
    merchant.check_union(second)
    with pytest.raises(InvalidSignature):
        merchant.check_union(first)
    names = [x509.load_pem_x509_certificate(one["signPubKeyCert"].encode()).subject for one in (first, second)]
    assert names[0] == names[1]


async def test_a_notice_with_another_amount_is_well_signed(merchant: Merchant):
    """Sentinel 118: one fen more, with a good signature."""
    await merchant.pay("XM18", "1.18")
    await merchant.debit("XM0000018", 118)
    await merchant.receiver.wait(2)
    union, ali = sorted(merchant.receiver.fields, key=lambda notice: "total_amount" in notice)
    check(merchant.alipay_public, joined(ali, "sign", "sign_type", keep_empty=True).encode(), ali["sign"])
    merchant.check_union(union)
    assert (ali["total_amount"], union["txnAmt"]) == ("1.19", "119")


async def test_a_badly_signed_answer_hides_a_payment(merchant: Merchant):
    """Sentinel 119: the answer cannot be believed, the money moved."""
    with pytest.raises(InvalidSignature):
        await merchant.pay("XM19", "1.19")
    with pytest.raises(InvalidSignature):
        await merchant.debit("XM0000019", 119)
    assert (await merchant.ask("XM19"))["trade_status"] == "TRADE_SUCCESS"
    assert (await merchant.inquire("XM0000019"))["origRespCode"] == "00"


async def test_a_number_in_use_is_told_at_the_first_call(merchant: Merchant):
    """Sentinel 120: the query finds the payment."""
    assert code_of(await merchant.pay("XM20", "1.20")) == "ACQ.TRADE_HAS_SUCCESS"
    assert (await merchant.debit("XM0000020", 120))["respCode"] == "12"
    assert (await merchant.ask("XM20"))["trade_status"] == "TRADE_SUCCESS"
    assert (await merchant.inquire("XM0000020"))["origRespCode"] == "00"


async def test_a_refund_goes_back_once(merchant: Merchant):
    """Repeats change nothing, another amount under the number is refused, more than the rest too."""
    await merchant.pay("XM30", "60.00")
    first, again = [await merchant.refund("XM30", "25.00", "R1") for _ in range(2)]
    assert [(one["fund_change"], one["refund_fee"]) for one in (first, again)] == [("Y", "25.00"), ("N", "25.00")]
    assert code_of(await merchant.refund("XM30", "26.00", "R1")) == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert code_of(await merchant.refund("XM30", "35.01", "R2")) == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert (await merchant.refund("XM30", "35.00", "R2"))["refund_fee"] == "60.00"
    assert (await merchant.ask("XM30"))["trade_status"] == "TRADE_CLOSED"
    await merchant.receiver.wait(3)
    said = {(one["trade_status"], one.get("refund_fee")) for one in merchant.receiver.fields}
    assert said == {("TRADE_SUCCESS", None), ("TRADE_SUCCESS", "25.00"), ("TRADE_CLOSED", "60.00")}
    moves = (await merchant.entry("alipay", "XM30"))["movements"]
    assert [(move["kind"], move["amount_fen"]) for move in moves] == [
        ("debit", 6000),
        ("refund", 2500),
        ("refund", 3500),
    ]


async def test_a_unionpay_refund_has_its_own_number(merchant: Merchant):
    """Part refund, repeat, cancel of a part, query of the refund, notice with the refund's number."""
    debit = await merchant.debit("XM0000030", 6000)
    said = await merchant.give_back("XM0000030R", 2500, debit["queryId"])
    assert said["respCode"] == "00"
    assert (await merchant.give_back("XM0000030R", 2500, debit["queryId"]))["respCode"] == "12"
    assert (await merchant.give_back("XM0000030C", 100, debit["queryId"], "31"))["respCode"] == "36"
    assert (await merchant.give_back("XM0000030X", 3501, debit["queryId"]))["respCode"] == "36"
    assert (await merchant.give_back("XM0000030Y", 1, "1" * 21))["respCode"] == "35"
    asked = await merchant.inquire("XM0000030R")
    assert (asked["origRespCode"], asked["txnAmt"], asked["origQryId"]) == ("00", "2500", debit["queryId"])
    await merchant.receiver.wait(2)
    refund = next(one for one in merchant.receiver.fields if one["txnType"] == "04")
    assert (refund["orderId"], refund["origQryId"]) == ("XM0000030R", debit["queryId"])


async def test_a_slow_refund_ends_after_twenty_seconds(merchant: Merchant):
    """Sentinel 121: no change of funds at first, proof later."""
    await merchant.pay("XM21", "1.21")
    assert (await merchant.refund("XM21", "1.21", "R1"))["fund_change"] == "N"
    number = {"out_trade_no": "XM21", "out_request_no": "R1"}
    asked = await merchant.alipay("alipay.trade.fastpay.refund.query", number)
    assert asked["refund_status"] == "REFUND_PROCESSING"
    debit = await merchant.debit("XM0000021", 121)
    assert (await merchant.give_back("XM0000021R", 121, debit["queryId"]))["respCode"] == "05"
    await asyncio.sleep(0.25)
    asked = await merchant.alipay("alipay.trade.fastpay.refund.query", number)
    assert asked["refund_status"] == "REFUND_SUCCESS"
    assert (await merchant.inquire("XM0000021R"))["origRespCode"] == "00"


async def test_a_refused_refund_moves_nothing(merchant: Merchant):
    """Sentinel 122."""
    await merchant.pay("XM22", "1.22")
    assert code_of(await merchant.refund("XM22", "1.00", "R1")) == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    debit = await merchant.debit("XM0000022", 122)
    assert (await merchant.give_back("XM0000022R", 100, debit["queryId"]))["respCode"] == "36"
    assert [(await merchant.ledger(channel))["refunded_fen"] for channel in ("alipay", "unionpay")] == [0, 0]


async def test_a_payment_after_our_close_is_told(merchant: Merchant):
    """Sentinel 123: closed by us, then paid with a notice; UnionPay says 42."""
    assert (await merchant.pay("XM23", "1.23"))["code"] == "10003"
    assert (await merchant.alipay("alipay.trade.cancel", {"out_trade_no": "XM23"}))["action"] == "close"
    assert (await merchant.ask("XM23"))["trade_status"] == "TRADE_CLOSED"
    await merchant.receiver.wait(1)
    assert merchant.receiver.fields[0]["trade_status"] == "TRADE_SUCCESS"
    assert (await merchant.entry("alipay", "XM23"))["moved"]
    assert (await merchant.debit("XM0000023", 123))["respCode"] == "42"
    assert (await merchant.inquire("XM0000023"))["origRespCode"] == "42"
    assert (await merchant.entry("unionpay", "XM0000023"))["moved"]


async def test_a_late_answer_takes_twenty_five_seconds(merchant: Merchant):
    """Sentinel 129: here a quarter of a second, and paid."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await merchant.pay("XM29", "1.29")
    await merchant.debit("XM0000029", 129)
    assert loop.time() - began >= 0.5


async def test_a_gbk_notice_carries_a_name_of_four_bytes(merchant: Merchant):
    """Sentinel 130 at Alipay: the signature holds over the bytes of its charset."""
    await merchant.pay("XM31", "1.30")
    await merchant.receiver.wait(1)
    (notice,) = merchant.receiver.fields
    assert (notice["charset"], "𠮷" in notice["subject"]) == ("GBK", True)
    text = joined(notice, "sign", "sign_type", keep_empty=True)
    check(merchant.alipay_public, text.encode("gb18030"), notice["sign"])


async def test_a_certificate_was_valid_when_the_trade_was(merchant: Merchant):
    """Sentinel 130 at UnionPay: expired now, valid at `txnTime`, everything else in order."""
    await merchant.debit("XM0000031", 130)
    await merchant.receiver.wait(1)
    (notice,) = merchant.receiver.fields
    for fields in (notice, await merchant.inquire("XM0000031")):
        merchant.check_union(fields)
        leaf = x509.load_pem_x509_certificate(fields["signPubKeyCert"].encode())
        assert leaf.not_valid_after_utc < datetime.now(UTC)
        assert leaf.not_valid_after_utc.timestamp() + 8 * 3600 == datetime.strptime(
            notice["txnTime"], "%Y%m%d%H%M%S"
        ).replace(tzinfo=UTC).timestamp()  # fmt: skip


async def test_notices_of_part_refunds_come_out_of_order(merchant: Merchant):
    """Sentinel 131 at Alipay: the cumulative sum shrinks from one notice to the next."""
    await merchant.pay("XM32", "1.31")
    await merchant.refund("XM32", "0.50", "R1")
    await merchant.refund("XM32", "0.30", "R2")
    await merchant.receiver.wait(3)
    fees = [one["refund_fee"] for one in merchant.receiver.fields if "refund_fee" in one]
    assert fees == ["0.80", "0.50"]


async def test_the_notice_of_the_second_part_refund_is_lost(merchant: Merchant):
    """Sentinel 131 at UnionPay: both parts moved, one was told."""
    debit = await merchant.debit("XM0000032", 131)
    for number in ("XM0000032R", "XM0000032S"):
        await merchant.give_back(number, 50, debit["queryId"])
    await merchant.receiver.wait(2)
    entry = await merchant.entry("unionpay", "XM0000032")
    assert [refund["moved"] for refund in entry["refunds"]] == [True, True]
    assert sorted(status for status, _sends, _ok in notices_of(entry)) == ["PAID", "REFUND"]


async def test_odd_text_is_still_signed(merchant: Merchant):
    """Sentinel 132: a duplicate key in Alipay's notice, braces and a stray `=` in UnionPay's answer."""
    await merchant.pay("XM33", "1.32")
    await merchant.receiver.wait(1)
    assert merchant.receiver.bodies[0].count(b"total_amount=") == 2
    said = await merchant.debit("XM0000033", 132)
    assert (said["payCardInfo"], said["reserved"]) == ("{bankCode=0102&cardType=01}", "a=b=c")


async def test_a_debit_after_its_expiry_never_moves(merchant: Merchant):
    """The absolute expiry of the call decides, also when the clock was moved; the same number stays refused."""
    for number, seconds in (("XM40", -1.0), ("XM41", 60.0)):
        if seconds > 0:
            await merchant.control("alipay", "clock", advance_s=61)
        said = [await merchant.pay(number, "9.00", expires_s=seconds) for _ in range(2)]
        assert [code_of(one) for one in said] == ["ACQ.TRADE_HAS_CLOSE"] * 2
        assert (await merchant.debit(f"{number}0000", 900, expires_s=seconds))["respCode"] == "39"
        assert (await merchant.inquire(f"{number}0000"))["origRespCode"] == "39"
    for channel in ("alipay", "unionpay"):
        book = await merchant.ledger(channel)
        assert (book["moved_count"], [order["moved"] for order in book["orders"]]) == (0, [False, False])


async def test_a_repeat_after_the_expiry_of_a_paid_order_is_told_that_it_is_paid(merchant: Merchant):
    """Expiry refuses what never moved, not the truth about what did."""
    await merchant.pay("XM42", "9.00", expires_s=60)
    await merchant.control("alipay", "clock", advance_s=61)
    assert code_of(await merchant.pay("XM42", "9.00", expires_s=60)) == "ACQ.TRADE_HAS_SUCCESS"


@pytest.mark.parametrize(
    ("channel", "gaps", "reply"),
    [
        ("alipay", (240, 600, 600, 3600, 7200, 21600, 54000), (200, b"SUCCESS")),  # not exactly `success`
        ("unionpay", (0, 60, 120, 240), (500, b"")),
    ],
)
async def test_an_unaccepted_notice_is_sent_by_the_published_schedule(
    merchant: Merchant, channel: str, gaps: tuple[int, ...], reply: tuple[int, bytes]
):
    """Eight sends at Alipay, five at UnionPay, each not before its gap is over; none of them counts as a resend."""
    merchant.receiver.reply = lambda _number: reply
    await (merchant.pay("XM0000043", "9.00") if channel == "alipay" else merchant.debit("XM0000043", 900))
    for sends, gap in enumerate(gaps, start=1):
        await until(lambda sends=sends: _heard(merchant, channel, sends))
        if gap:
            await merchant.control(channel, "clock", advance_s=gap * 0.01 - 0.1)
            assert (await merchant.ledger(channel))["notices_sent"] == sends
            await merchant.control(channel, "clock", advance_s=0.1)
    await until(lambda: _heard(merchant, channel, len(gaps) + 1))
    await merchant.control(channel, "clock", advance_s=1_000_000)
    book = await merchant.ledger(channel)
    assert (book["notices_sent"], book["resends"]) == (len(gaps) + 1, 0)


async def _heard(merchant: Merchant, channel: str, count: int) -> bool:
    (notice,) = (await merchant.ledger(channel))["orders"][0]["notices"]
    return len(notice["replies"]) >= count


async def test_interference_cuts_and_delays_after_the_work_was_done(merchant: Merchant):
    """By order number, once; by rate, always; cleared, never."""
    assert await merchant.control("alipay", "interference", trouble="cut", order_no="XM50", times=1) == 200
    with pytest.raises(aiohttp.ClientError):
        await merchant.pay("XM50", "7.00")
    assert (await merchant.entry("alipay", "XM50"))["moved"]
    assert code_of(await merchant.pay("XM50", "7.00")) == "ACQ.TRADE_HAS_SUCCESS"
    await merchant.control("unionpay", "interference", trouble="late", rate=1, seconds=30, operation="query")
    await merchant.debit("XM0000050", 700)
    began = asyncio.get_running_loop().time()
    await merchant.inquire("XM0000050")
    assert asyncio.get_running_loop().time() - began >= 0.3
    async with merchant.session.delete(f"{merchant.base('unionpay')}/mock/interference") as answer:
        assert (await answer.json())["applied"] == 1
    assert await merchant.control("alipay", "interference", trouble="cut") == 400
    assert await merchant.control("alipay", "interference", trouble="boil", rate=1) == 400
    assert await merchant.control("alipay", "clock", advance_s=-1) == 400
    assert await merchant.control("alipay", "scenario", name="unheard of") == 400


async def test_scenarios_change_the_whole_gateway(merchant: Merchant):
    """An outage answers 502 and takes nothing; maintenance says 02; then all is as before."""
    await merchant.control("alipay", "scenario", name="outage")
    with pytest.raises(aiohttp.ClientResponseError, match="502"):
        await merchant.pay("XM51", "7.00")
    await merchant.control("alipay", "scenario", name="normal")
    assert (await merchant.pay("XM51", "7.00"))["code"] == "10000"
    await merchant.control("unionpay", "scenario", name="maintenance")
    assert (await merchant.debit("XM0000051", 700))["respCode"] == "02"
    await merchant.control("unionpay", "scenario", name="normal")
    assert (await merchant.debit("XM0000051", 700))["respCode"] == "00"


async def test_scenarios_spoil_answers_and_notices_but_not_the_work(merchant: Merchant):
    """Cut, slow, without notices: each time the money moved and the book says so."""
    await merchant.control("alipay", "scenario", name="cut_answers")
    with pytest.raises(aiohttp.ClientError):
        await merchant.pay("XM52", "7.00")
    await merchant.control("alipay", "scenario", name="slow_answers")
    began = asyncio.get_running_loop().time()
    await merchant.pay("XM53", "7.00")
    assert asyncio.get_running_loop().time() - began >= 0.25
    await merchant.control("alipay", "scenario", name="no_notices")
    await merchant.pay("XM54", "7.00")
    orders = (await merchant.ledger("alipay"))["orders"]
    assert [(order["moved"], len(order["notices"])) for order in orders] == [(True, 1), (True, 1), (True, 0)]


async def test_the_order_of_calls_changes_no_outcome(keys: Path):
    """A rough mix, sixty debits a channel, all at once in two different orders: the books agree on every order."""
    rough = Mix(nsf=0.2, limit=0.1, agreement_dead=0.1, risk=0.1, pending_then_paid=0.1, unknown=0.2)
    books = []
    for step in (1, -1):
        async with market(keys, mix=rough) as merchant:
            numbers = [f"XM{number:08d}" for number in range(60)][::step]
            calls = [merchant.pay(number, "7.00") for number in numbers]
            calls += [merchant.debit(number, 700) for number in numbers]  # type: ignore[misc]
            await asyncio.gather(*calls, return_exceptions=True)
            await merchant.control("alipay", "clock", advance_s=10)
            books.append([await merchant.ledger(channel) for channel in ("alipay", "unionpay")])
    for first, second in zip(*books, strict=True):
        ends = [
            {one["order_no"]: (one["state"], one["code"], one["moved"]) for one in book["orders"]}
            for book in (first, second)
        ]
        assert ends[0] == ends[1]
        assert {state for state, _code, _moved in ends[0].values()} == {"PAID", "REFUSED", "ABSENT"}


async def test_one_channel_is_closed_around_midnight_once_a_week(keys: Path):
    """From 23:30 to 00:30 of the set night UnionPay says 02 and takes nothing; the same call is taken afterwards."""
    beijing = datetime.now(UTC) + timedelta(hours=8)
    night = beijing.replace(hour=23, minute=31, second=0) + timedelta(days=1)
    async with market(keys, maintenance_weekday=night.weekday()) as merchant:
        fields = merchant.debit_fields("XM0000060", 700, expires_s=1_000_000)
        await merchant.control("unionpay", "clock", advance_s=(night - beijing).total_seconds())
        said = []
        for minutes in (0, 58, 2):
            await merchant.control("unionpay", "clock", advance_s=60 * minutes)
            said.append((await merchant.union("/gateway/api/backTransReq.do", **fields))["respCode"])
    assert said == ["02", "02", "00"]


def test_the_process_says_where_it_listens_and_ends_when_told(tmp_path: Path):
    """One JSON line, both books reachable at the printed addresses, exit 0 on SIGTERM; never beyond loopback."""
    command = [sys.executable, "-m", "adapters.sandbox", "--keys", str(tmp_path / "keys")]
    with subprocess.Popen([*command, "--no-mix"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        for channel in ("alipay", "unionpay"):
            with urllib.request.urlopen(f"{said[channel]}/mock/ledger", timeout=10) as answer:  # noqa: S310
                assert json.load(answer)["channel"] == channel
        process.terminate()
        assert process.wait(10) == 0
    open_to_all = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, check=False)
    assert open_to_all.returncode == 64
