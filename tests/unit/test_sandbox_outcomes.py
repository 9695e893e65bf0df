"""What the sandbox decides without any wire: outcomes, latency, interference, the book, notices, keys."""

import json
import math
import re
from pathlib import Path

import pytest

from adapters.sandbox.alipay_notices import yuan
from adapters.sandbox.beijing import COMPACT, instant_of, text_of
from adapters.sandbox.book import Book, NoticeRecord, Order, Refund, State
from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.gateway import attempt_of, form_of
from adapters.sandbox.interference import Interference
from adapters.sandbox.keys import load_alipay, load_unionpay, make_keys
from adapters.sandbox.outcomes import Notice, Verdict, Wire, decide, fraction, latency_s
from adapters.sandbox.settings import Mix
from adapters.sandbox.sm2 import public_hex
from hub.runtime.guomi.keyring import KeyRing, Kind

CALM = Mix.always_success()
CHANNELS = ("alipay", "unionpay")


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_outcome_depends_on_seed_number_and_attempt_only(channel: str):
    """Any order of asking gives the same outcomes; another seed or attempt gives others somewhere."""
    numbers = [f"XM{n}" for n in range(3000)]
    forwards = [decide(channel, "7", number, 1, 810, Mix()) for number in numbers]
    backwards = [decide(channel, "7", number, 1, 810, Mix()) for number in reversed(numbers)][::-1]
    assert forwards == backwards
    assert forwards != [decide(channel, "8", number, 1, 810, Mix()) for number in numbers]
    assert forwards != [decide(channel, "7", number, 2, 810, Mix()) for number in numbers]


def test_the_mix_has_the_shares_it_names():
    """Over 40 000 orders each share lies within five standard deviations of what the mix says."""
    mix, total = Mix(), 40_000
    found = [decide("alipay", "7", f"XM{n}", 1, 810, mix) for n in range(total)]
    shares = {
        "ACQ.BUYER_BALANCE_NOT_ENOUGH": mix.nsf,
        "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": mix.limit,
        "ACQ.AGREEMENT_NOT_EXIST": mix.agreement_dead,
        "ACQ.PAYMENT_REQUEST_HAS_RISK": mix.risk,
    }
    for code, share in shares.items():
        assert _near(sum(one.code == code for one in found), total, share)
    assert _near(sum(one.wire is Wire.CUT for one in found), total, mix.unknown)
    assert _near(sum(one.verdict is Verdict.ABSENT for one in found), total, mix.unknown / 2)
    assert _near(sum(one.notice is Notice.NEVER for one in found), total, mix.notice_lost)


def _near(count: int, total: int, share: float) -> bool:
    return abs(count - total * share) <= 5 * math.sqrt(total * share * (1 - share))


@pytest.mark.parametrize("channel", CHANNELS)
def test_only_sentinel_amounts_misbehave_without_a_mix(channel: str):
    """Every listed sentinel differs from plain success; every other amount succeeds plainly, 133 at UnionPay alone."""
    listed = {*range(101, 124), *range(129, 134 if channel == "alipay" else 133)}
    plain = decide(channel, "7", "XM1", 1, 810, CALM)
    assert (plain.verdict, plain.wire, plain.notice) == (Verdict.PAID, Wire.PLAIN, Notice.PLAIN)
    odd = {fen for fen in range(1, 400) if decide(channel, "7", "XM1", 1, fen, CALM) != plain}
    assert odd == listed
    assert decide(channel, "7", "XM1", 3, 102, CALM) == plain


def test_a_fraction_is_spread_and_repeatable():
    """Mean and range of 10 000 draws, and a value that must never change."""
    draws = [fraction("7", n) for n in range(10_000)]
    assert 0 <= min(draws) < max(draws) < 1
    assert abs(sum(draws) / len(draws) - 0.5) < 0.02
    assert fraction("7", "XM1", 1) == fraction("7", "XM1", 1)


def test_latency_is_log_normal():
    """Half of the answers take less than the median, one in a hundred more than the p99; 0 means at once."""
    drawn = sorted(latency_s(120, 1500, "7", n) for n in range(5000))
    assert drawn[2500] == pytest.approx(0.120, rel=0.1)
    assert drawn[4950] == pytest.approx(1.5, rel=0.25)
    assert latency_s(0, 1500, "7", 1) == 0


def order(amount_fen: int = 1000, **changes: object) -> Order:
    """Return an order that waits."""
    return Order("XM1", amount_fen, 0, "T1", {}, "", state=State.WAIT, **changes)  # type: ignore[arg-type]


def test_an_order_settles_what_is_due_and_tells_each_change_once():
    """Nothing before its time; a later look changes nothing; a payment moves once."""
    told: list[State] = []
    one = order(plan=[(100, State.CLOSED), (200, State.PAID)])
    for instant in (99, 100, 150, 500, 500):
        one.settle(instant, lambda _order, state: told.append(state))
    assert (told, one.state, one.moved_wall_at) == ([State.CLOSED, State.PAID], State.PAID, 200)
    with pytest.raises(ValueError, match="already paid"):
        one.enter(State.PAID, 600)


def test_the_book_counts_resends_of_accepted_deliveries_only():
    """Sends beyond the first count when the delivery was accepted in the end."""
    book = Book("alipay")
    thrice, never = NoticeRecord("a", "X", 3, answered=True), NoticeRecord("b", "X", 8)
    once, unsent = NoticeRecord("c", "X", 1, answered=True), NoticeRecord("d", "X")
    book.orders["XM1"], book.orders["XM2"] = order(notices=[thrice, never]), order(notices=[once, unsent])
    document = book.document(10)
    assert (document["resends"], document["notices_sent"]) == (2, 12)
    json.dumps(document)


def test_a_refund_moves_at_its_time():
    """The book shows it as a movement from then on; a refused one never."""
    book = Book("unionpay")
    book.orders["XM1"] = order(
        moved_wall_at=5, refunds=[Refund("R1", 300, 10, 50), Refund("R2", 400, 10, None, "36"), Refund("R3", 1, 10, 10)]
    )
    assert book.document(49)["refunded_fen"] == 1
    later = book.document(50)
    assert later["refunded_fen"] == 301
    assert [move["amount_fen"] for move in later["orders"][0]["movements"]] == [1000, 300, 1]


def test_interference_by_rate_is_seeded_and_by_number_is_bounded():
    """The same calls meet the same trouble; a bounded rule is used up."""
    picks = []
    for _ in range(2):
        trouble = Interference("7")
        trouble.add({"trouble": "late", "rate": 0.25})
        picks.append([trouble.for_answer(f"XM{n}", "debit", 1) is not None for n in range(2000)])
    assert picks[0] == picks[1]
    assert 400 < sum(picks[0]) < 600
    bounded = Interference("7")
    bounded.add({"trouble": "cut", "order_no": "XM1", "times": 1})
    hits = [bounded.for_answer("XM1", kind, 1) is not None for kind in ("query", "debit", "debit")]
    assert hits == [False, True, False]


@pytest.mark.parametrize("asked", [{}, {"trouble": "cut"}, {"trouble": "cut", "rate": 2}, {"trouble": "cut", "x": 1}])
def test_interference_refuses_rules_that_make_no_sense(asked: dict[str, object]):
    """No trouble, no choice, a rate above one, an unknown field."""
    with pytest.raises((ValueError, TypeError)):
        Interference("7").add(asked)


def test_small_texts():
    """Attempts, forms, amounts and Beijing time."""
    assert [attempt_of(text) for text in ("attempt.3", "a%3Db%26attempt%2E12", "", "attempt.x")] == [3, 12, 1, 1]
    assert [attempt_of(text) for text in ("YXR0ZW1wdC4y", "YXR0ZW1wdC4xMg", "_w")] == [2, 12, 1]
    assert form_of("a=1&b=") == {"a": "1", "b": ""}
    with pytest.raises(ValueError, match="twice"):
        form_of("a=1&a=2")
    assert [yuan(fen) for fen in (0, 5, 810, 123456)] == ["0.00", "0.05", "8.10", "1234.56"]
    assert text_of(1_782_867_600_000) == "2026-07-01 09:00:00"
    assert instant_of("20260701090000", COMPACT) == 1_782_867_600_000


async def test_sleepers_wake_when_the_clock_is_moved():
    """An hour passes at once; the clock never goes back."""
    clock = SandboxClock()
    began = clock.now_ms()
    clock.advance(3600)
    await clock.until(began + 3_600_000)
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path):
    """Every file of the docstring is there, secrets for the owner only; a second run changes nothing."""
    make_keys(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    make_keys(tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(path.relative_to(tmp_path).as_posix() for path in before) == [
        "alipay/gateway_private.pem", "alipay/gateway_public.pem", "alipay/merchant_private.pem",
        "alipay/merchant_public.pem", "bank-ccb/receiver.json", "bank-ccb/sender.json", "bank-icbc/receiver.json",
        "bank-icbc/sender.json", "egret/receiver.json", "egret/sender.json", "hub_keyring.json",
        "sesame/receiver.json", "sesame/sender.json", "unionpay/foreign.cer",
        "unionpay/foreign_private.pem", "unionpay/merchant.cer", "unionpay/merchant_private.pem",
        "unionpay/middle.cer", "unionpay/middle_private.pem", "unionpay/root.cer", "unionpay/signer.cer",
        "unionpay/signer_private.pem",
    ]  # fmt: skip
    for path in before:
        if "private" in path.name or path.suffix == ".json":
            assert path.stat().st_mode & 0o077 == 0, path.name
    assert load_alipay(tmp_path).gateway.key_size == load_unionpay(tmp_path).signer.key_size == 2048


def test_the_hubs_ring_holds_the_senders_public_key(tmp_path: Path):
    """One active key a purpose and kind; the sender's private key fits the public key in the ring."""
    make_keys(tmp_path)
    rows = json.loads((tmp_path / "hub_keyring.json").read_text())["keys"]
    assert len({(row["purpose"], row["kind"]) for row in rows}) == len(rows)
    own = {"raw", "pii", "card_token", "audit", "index", "city", "feedback"}
    assert {row["purpose"] for row in rows} == own | {"egret", "sesame", "bank-icbc", "bank-ccb"}
    sender = json.loads((tmp_path / "egret/sender.json").read_text())
    ring = {row["kid"]: row for row in rows}
    assert ring[sender["sign_kid"]]["material"] == f"04{public_hex(sender['sm2_private'])}"
    assert ring[sender["enc_kid"]]["material"] == sender["sm4_key"]
    assert all(re.fullmatch(r"[0-9a-f]+", row["material"]) for row in rows)
    read = KeyRing.load(tmp_path / "hub_keyring.json")
    assert read.active("egret", Kind.SM2_PUBLIC).kid == sender["sign_kid"]
