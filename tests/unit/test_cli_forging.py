"""Every case of `callback forge` is judged by the adapters as protocols 11 says, on keys made for the test."""

from pathlib import Path

import pytest

from adapters.alipay import translation as alipay
from adapters.sandbox.keys import make_keys
from adapters.unionpay import translation as unionpay
from hub.cli.forging import CASES, Case, Forgery
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime.settings import GatewaySettings
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import ReceiveNotice
from schemas.ids import account_id, make_id
from schemas.reasons import Reason
from schemas.replies import Reply

ACCOUNT = account_id(b"k" * 32, "person", "350299199003070025")
ORDER, AMOUNT = make_id(ACCOUNT, "D", 1), 810
MERCHANTS = {"alipay": "2021000000000001", "unionpay": "777290058146592"}
SELLER = "2088000000000001"
BY_THE_BOOKS = {"unknown-order", "amount-differs", "late-waiting", "refund-exceeds", "good", "replay"}
"""Cases that are believed: what is wrong with them only the books know."""
ids = [f"{each.channel}-{each.name}" for each in CASES]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of both sandboxes."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


def forged(case: Case, keys: Path, now_ms: int = 1_783_044_900_000) -> bytes:
    """Return the notice of a case for the test's order."""
    return case.make(Forgery(keys, ORDER, AMOUNT, "T1", MERCHANTS[case.channel], SELLER, now_ms))


def judged(case: Case, keys: Path) -> Inbound | Refusal | HttpAnswer:
    """Return what the edge's adapter makes of the notice."""
    body = forged(case, keys)
    if case.channel == "alipay":
        files = {"private_key_file": "merchant_private.pem", "public_key_file": "gateway_public.pem"}
        return alipay.judge(alipay_access(settings("alipay", keys, files)), body, case.content_type)
    files = {
        "private_key_file": "merchant_private.pem",
        "certificate_file": "merchant.cer",
        "root_certificate_file": "root.cer",
        "middle_certificate_file": "middle.cer",
    }
    return unionpay.judge(unionpay_access(settings("unionpay", keys, files)), body, case.content_type)


def settings(channel: str, keys: Path, files: dict[str, str]) -> GatewaySettings:
    """Return the settings of a gateway over the test's keys."""
    named = {name: keys / channel / file for name, file in files.items()}
    return GatewaySettings(
        endpoint="http://127.0.0.1:9", merchant=MERCHANTS[channel], seller=SELLER, signer_name="00040000:SIGN", **named
    )


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_each_case_gets_its_exact_answer(case: Case, keys: Path):
    """What the edge refuses has the row's status and reason; what the books refuse is believed and translated."""
    found = judged(case, keys)
    if case.name in BY_THE_BOOKS:
        assert isinstance(found, Inbound)
        assert isinstance(found.body, ReceiveNotice)
        refused = bool(case.reason) and case.status != 200
        reply = Reply(found.id, ACCOUNT, case.reason or "POSTED", refused, 0)
        answer = alipay.notice_answer(reply) if case.channel == "alipay" else unionpay.notice_answer(reply)
        assert answer.status == case.status
        return
    assert isinstance(found, Refusal)
    assert (found.status, found.reason) == (case.status, Reason(case.reason))
    assert found.body == b"fail" or case.channel == "unionpay"


def test_the_same_forgery_again_is_the_same_delivery(keys: Path):
    """`replay` has the message id of `good`, also when it is made later: a resend, not another notice."""
    for channel in ("alipay", "unionpay"):
        good, replay = (
            next(each for each in CASES if (each.channel, each.name) == (channel, n)) for n in ("good", "replay")
        )
        first, second = judged(good, keys), judged(replay, keys)
        assert isinstance(first, Inbound)
        assert isinstance(second, Inbound)
        assert (first.id, first.content_hash) == (second.id, second.content_hash)


def test_an_honest_notice_says_order_amount_and_status(keys: Path):
    """`good` is the payment of the order named on the command line."""
    for case in (each for each in CASES if each.name == "good"):
        found = judged(case, keys)
        assert isinstance(found, Inbound)
        assert isinstance(found.body, ReceiveNotice)
        assert (found.account, found.body.order_no, found.body.amount_fen, found.body.status) == (
            ACCOUNT,
            ORDER,
            AMOUNT,
            "paid",
        )
