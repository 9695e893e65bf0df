"""Whether an answer or notice is UnionPay's: version, method, chain at txnTime, signature (rows 82-84, 88)."""

from collections.abc import Mapping

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.chain import trusted_key
from adapters.unionpay.signature import METHOD, VERSION, decode_signature, verifies
from adapters.unionpay.text import moment_of
from schemas.reasons import Reason


def unbelieved(access: UnionPayAccess, fields: Mapping[str, str]) -> Reason | None:
    """Return why the fields are not believed, or None when they are."""
    if fields.get("version") != VERSION or fields.get("signMethod") != METHOD:
        return Reason.SIGN_DOWNGRADE
    signature = decode_signature(fields.get("signature", ""))
    if signature is None:
        return Reason.SIGN_INVALID
    at = moment_of(fields.get("txnTime", ""))
    key = trusted_key(access.trust, fields.get("signPubKeyCert", ""), at) if at else None
    if key is None:
        return Reason.CERT_CHAIN
    return None if verifies(key, fields, signature) else Reason.SIGN_INVALID
