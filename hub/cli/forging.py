"""Signed gateway notices, good and hostile: one case for each row of protocols 11 that a notice can break.

Signed with the sandbox's own keys and implementation; what the hub must answer stands beside each case.
"""

import base64
import hashlib
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox import alipay_notices, unionpay_notices
from adapters.sandbox.beijing import COMPACT, text_of
from adapters.sandbox.book import Order
from adapters.sandbox.keys import SIGNER_NAME, UnionPayKeys, issue, load_alipay, load_unionpay, private_key
from adapters.sandbox.rsa_text import base_string, rsa2

Channel = Literal["alipay", "unionpay"]
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
_LONG_AGO_DAYS: Final = 400


@dataclass(frozen=True)
class Forgery:
    """What a notice is forged about: our order, and who we are at the gateway."""

    keys: Path
    order_no: str
    amount_fen: int
    trade_no: str
    merchant: str
    seller: str
    now_ms: int

    @property
    def order(self) -> Order:
        """The order as the sandbox's book would have it, paid now."""
        order = Order(self.order_no, self.amount_fen, self.now_ms, self.trade_no, {"app_id": self.merchant}, "")
        order.moved_wall_at = self.now_ms
        return order


class Case(NamedTuple):
    """One kind of notice: the row of protocols 11 it belongs to and the exact status the hub answers."""

    channel: Channel
    name: str
    row: int
    status: int
    reason: str
    make: Callable[[Forgery], bytes]

    @property
    def content_type(self) -> str:
        """The media type it is posted with."""
        return JSON if self.name == "not-form" else FORM


def case_of(channel: str, name: str) -> Case | None:
    """Return the case of a channel, or None."""
    return next((each for each in CASES if (each.channel, each.name) == (channel, name)), None)


# ---- Alipay ------------------------------------------------------------------------------------------------------


def _ali_fields(forgery: Forgery, status: str = "TRADE_SUCCESS", **changes: str) -> dict[str, str]:
    fields = alipay_notices.trade_fields(forgery.order, status, forgery.seller, forgery.now_ms)
    # Constant over the resends of one delivery, so the same forgery again is a resend (row 76).
    fields["notify_id"] = hashlib.sha256(f"{forgery.order_no}|{status}".encode()).hexdigest()[:34]
    return {**fields, **changes}


def _ali_key(forgery: Forgery) -> RSAPrivateKey:
    return load_alipay(forgery.keys).gateway


def _ali_signed(forgery: Forgery, fields: dict[str, str], **extra: str) -> dict[str, str]:
    signature = rsa2(_ali_key(forgery), base_string(fields, (), keep_empty=True).encode())
    return {**fields, "sign_type": "RSA2", "sign": signature, **extra}


def _encoded(fields: dict[str, str]) -> bytes:
    return urllib.parse.urlencode(fields).encode("ascii")


def _ali(status: str = "TRADE_SUCCESS", **changes: str) -> Callable[[Forgery], bytes]:
    """Return the maker of an honestly signed notice with these fields."""
    return lambda forgery: _encoded(_ali_signed(forgery, _ali_fields(forgery, status, **changes)))


def _ali_amount(fen_more: int) -> Callable[[Forgery], bytes]:
    def make(forgery: Forgery) -> bytes:
        amount = alipay_notices.yuan(forgery.amount_fen + fen_more)
        return _encoded(_ali_signed(forgery, _ali_fields(forgery, total_amount=amount)))

    return make


def _ali_tampered(forgery: Forgery) -> bytes:
    amount = alipay_notices.yuan(forgery.amount_fen + 1)
    return _encoded(_ali_signed(forgery, _ali_fields(forgery), total_amount=amount))


def _ali_wrong_key(forgery: Forgery) -> bytes:
    fields = _ali_fields(forgery)
    stranger = private_key(forgery.keys / "unionpay" / "foreign_private.pem")
    signature = rsa2(stranger, base_string(fields, (), keep_empty=True).encode())
    return _encoded({**fields, "sign_type": "RSA2", "sign": signature})


def _ali_sign_type_kept(forgery: Forgery) -> bytes:
    fields = {**_ali_fields(forgery), "sign_type": "RSA2"}
    return _encoded({**fields, "sign": rsa2(_ali_key(forgery), base_string(fields, (), keep_empty=True).encode())})


def _ali_sign_type_rsa(forgery: Forgery) -> bytes:
    return _encoded(_ali_signed(forgery, _ali_fields(forgery), sign_type="RSA"))


def _ali_sha1(forgery: Forgery) -> bytes:
    fields = _ali_fields(forgery)
    content = base_string(fields, (), keep_empty=True).encode()
    old = _ali_key(forgery).sign(content, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the attack itself
    return _encoded({**fields, "sign_type": "RSA2", "sign": base64.b64encode(old).decode()})


def _ali_sign_missing(forgery: Forgery) -> bytes:
    return _encoded({**_ali_fields(forgery), "sign_type": "RSA2"})


def _ali_sign_blank(forgery: Forgery) -> bytes:
    signed = _ali_signed(forgery, _ali_fields(forgery))
    return _encoded({**signed, "sign": f"{signed['sign'][:10]} {signed['sign'][11:]}"})


def _ali_duplicate(forgery: Forgery) -> bytes:
    return _ali()(forgery) + f"&total_amount={alipay_notices.yuan(forgery.amount_fen)}".encode()


def _ali_undecodable(forgery: Forgery) -> bytes:
    return _ali()(forgery) + b"&note=%ff%fe"


def _ali_unknown_order(forgery: Forgery) -> bytes:
    return _encoded(_ali_signed(forgery, _ali_fields(forgery, out_trade_no=_never_handed_out(forgery.order_no))))


def _ali_refund_exceeds(forgery: Forgery) -> bytes:
    refund = alipay_notices.yuan(forgery.amount_fen + 1)
    fields = _ali_fields(forgery, "TRADE_SUCCESS", refund_fee=refund, out_biz_no=f"R{forgery.order_no}")
    return _encoded(_ali_signed(forgery, {**fields, "notify_id": f"{fields['notify_id'][:-1]}r"}))


def _ali_too_large(forgery: Forgery) -> bytes:
    return _ali(body="x" * 65_536)(forgery)


def _not_form(forgery: Forgery) -> bytes:
    return f'{{"out_trade_no":"{forgery.order_no}"}}'.encode()


def _never_handed_out(order_no: str) -> str:
    """Return an order number of the same account that no sequence has reached."""
    return f"{order_no[:-5]}ZZZZZ"


# ---- UnionPay ----------------------------------------------------------------------------------------------------


def _up_fields(forgery: Forgery, **changes: str) -> dict[str, str]:
    asked = {
        "accessType": "0", "bizType": "000501", "currencyCode": "156", "encoding": "UTF-8", "merId": forgery.merchant,
        "orderId": forgery.order_no, "signMethod": "01", "txnAmt": str(forgery.amount_fen), "txnSubType": "01",
        "txnTime": text_of(forgery.now_ms, COMPACT), "txnType": "11", "version": "5.1.0",
    }  # fmt: skip
    return {**unionpay_notices.result_fields(asked, forgery.trade_no, forgery.now_ms), **changes}


def _up_keys(forgery: Forgery) -> UnionPayKeys:
    return load_unionpay(forgery.keys)


def _up(**changes: str) -> Callable[[Forgery], bytes]:
    """Return the maker of an honestly signed back notice with these fields."""
    return lambda forgery: _encoded(unionpay_notices.signed(_up_keys(forgery), _up_fields(forgery, **changes)))


def _up_amount(forgery: Forgery) -> bytes:
    return _up(txnAmt=str(forgery.amount_fen + 1))(forgery)


def _up_tampered(forgery: Forgery) -> bytes:
    signed = unionpay_notices.signed(_up_keys(forgery), _up_fields(forgery))
    return _encoded({**signed, "txnAmt": str(forgery.amount_fen + 1)})


def _up_base_signed(forgery: Forgery) -> bytes:
    """Sign the base string itself instead of its hex digest."""
    keys = _up_keys(forgery)
    fields = {**_up_fields(forgery), "signPubKeyCert": keys.signer_pem}
    return _encoded({**fields, "signature": rsa2(keys.signer, base_string(fields, ("signature",)).encode())})


def _up_foreign(forgery: Forgery) -> bytes:
    return _encoded(unionpay_notices.foreign_signed(_up_keys(forgery), _up_fields(forgery)))


def _up_with_certificate(forgery: Forgery, name: str, until: datetime) -> bytes:
    keys = _up_keys(forgery)
    valid = (until - timedelta(days=_LONG_AGO_DAYS), until)
    made = issue(name, keys.signer, (keys.middle.subject, keys.middle_key), may_issue=False, valid=valid)
    pem = made.public_bytes(Encoding.PEM).decode("ascii")
    return _encoded(unionpay_notices.signed(keys, _up_fields(forgery), pem))


def _up_expired(forgery: Forgery) -> bytes:
    return _up_with_certificate(forgery, SIGNER_NAME, _at(forgery) - timedelta(days=1))


def _up_wrong_name(forgery: Forgery) -> bytes:
    return _up_with_certificate(forgery, "041@Z12@SOMEBODY:SIGN@1", _at(forgery) + timedelta(days=1))


def _up_duplicate(forgery: Forgery) -> bytes:
    return _up()(forgery) + f"&txnAmt={forgery.amount_fen}".encode()


def _up_unknown_order(forgery: Forgery) -> bytes:
    return _up(orderId=_never_handed_out(forgery.order_no))(forgery)


def _at(forgery: Forgery) -> datetime:
    return datetime.fromtimestamp(forgery.now_ms // 1000, UTC)


CASES: Final = (
    Case("alipay", "good", 0, 200, "", _ali()),
    Case("alipay", "not-form", 66, 415, "BODY", _not_form),
    Case("alipay", "too-large", 66, 413, "BODY", _ali_too_large),
    Case("alipay", "duplicate-parameter", 67, 400, "PARAM_DUPLICATE", _ali_duplicate),
    Case("alipay", "sign-missing", 68, 403, "SIGN_MISSING", _ali_sign_missing),
    Case("alipay", "sign-blank-for-plus", 68, 403, "SIGN_MISSING", _ali_sign_blank),
    Case("alipay", "tampered-amount", 69, 403, "SIGN_INVALID", _ali_tampered),
    Case("alipay", "wrong-key", 69, 403, "SIGN_INVALID", _ali_wrong_key),
    Case("alipay", "sign-type-kept", 69, 403, "SIGN_INVALID", _ali_sign_type_kept),
    Case("alipay", "sign-type-rsa", 70, 403, "SIGN_DOWNGRADE", _ali_sign_type_rsa),
    Case("alipay", "sha1", 70, 403, "SIGN_DOWNGRADE", _ali_sha1),
    Case("alipay", "charset-unknown", 71, 400, "CHARSET", _ali(charset="latin-1")),
    Case("alipay", "charset-undecodable", 71, 400, "CHARSET", _ali_undecodable),
    Case("alipay", "foreign-app", 72, 403, "FOREIGN_NOTICE", _ali(app_id="2021999999999999")),
    Case("alipay", "foreign-seller", 72, 403, "FOREIGN_NOTICE", _ali(seller_id="2088999999999999")),
    Case("alipay", "unknown-order", 73, 409, "ORDER_UNKNOWN", _ali_unknown_order),
    Case("alipay", "amount-differs", 74, 409, "AMOUNT_MISMATCH", _ali_amount(1)),
    Case("alipay", "amount-syntax", 75, 400, "AMOUNT_SYNTAX", _ali(total_amount="8.1E0")),
    Case("alipay", "replay", 76, 200, "", _ali()),
    Case("alipay", "late-waiting", 76, 200, "LATE", _ali("WAIT_BUYER_PAY")),
    Case("alipay", "refund-exceeds", 78, 409, "REFUND_EXCEEDS", _ali_refund_exceeds),
    Case("unionpay", "good", 0, 200, "", _up()),
    Case("unionpay", "tampered-amount", 82, 403, "SIGN_INVALID", _up_tampered),
    Case("unionpay", "base-signed", 82, 403, "SIGN_INVALID", _up_base_signed),
    Case("unionpay", "foreign-chain", 83, 403, "CERT_CHAIN", _up_foreign),
    Case("unionpay", "expired-certificate", 83, 403, "CERT_CHAIN", _up_expired),
    Case("unionpay", "wrong-name", 83, 403, "CERT_CHAIN", _up_wrong_name),
    Case("unionpay", "version-5.0.0", 84, 403, "SIGN_DOWNGRADE", _up(version="5.0.0")),
    Case("unionpay", "other-method", 84, 403, "SIGN_DOWNGRADE", _up(signMethod="11")),
    Case("unionpay", "duplicate-parameter", 67, 400, "PARAM_DUPLICATE", _up_duplicate),
    Case("unionpay", "unknown-order", 85, 503, "ORDER_UNKNOWN", _up_unknown_order),
    Case("unionpay", "amount-differs", 86, 409, "AMOUNT_MISMATCH", _up_amount),
    Case("unionpay", "foreign-merchant", 86, 409, "AMOUNT_MISMATCH", _up(merId="777290058100000")),
    Case("unionpay", "currency", 86, 409, "AMOUNT_MISMATCH", _up(currencyCode="840")),
    Case("unionpay", "replay", 87, 200, "", _up()),
)  # fmt: skip
"""Row 0 is an honest notice; `replay` is the honest one sent again: the same bytes, answered alike, posted once."""
