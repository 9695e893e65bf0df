"""The certificate chain of a signature: leaf ← middle ← root, pinned, valid at `txnTime` (protocols 6.1, row 83).

The library's own "directly issued by" refuses SHA-1, with which UnionPay's public test chain is signed; so the signed
bytes are verified here, and SHA-1 is believed for the test leaf name only.
"""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from adapters.unionpay.access import TEST_NAME, Trust

_CN_PART = 2
_ROTTEN = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""Parts of a certificate are read late, and any may be rotten; the library's own exceptions share no base class."""


def trusted_key(trust: Trust, pem: str, at: datetime) -> RSAPublicKey | None:
    """Return the leaf's key when its chain and name hold at that moment, else None. Never raises for a bad leaf."""
    try:
        return _believed(trust, pem, at)
    except _ROTTEN:
        return None


def _believed(trust: Trust, pem: str, at: datetime) -> RSAPublicKey | None:
    leaf = x509.load_pem_x509_certificate(pem.encode("ascii"))
    if _signer_name(leaf) != trust.leaf_name:
        return None
    links = ((leaf, trust.middle), (trust.middle, trust.root), (trust.root, trust.root))
    if not all(_issued(child, parent, trust) for child, parent in links):
        return None
    if not all(_may_issue(parent) for parent in (trust.middle, trust.root)):
        return None
    if not all(
        each.not_valid_before_utc <= at <= each.not_valid_after_utc for each in (leaf, trust.middle, trust.root)
    ):
        return None
    key = leaf.public_key()
    return key if isinstance(key, RSAPublicKey) else None


def _signer_name(leaf: x509.Certificate) -> str:
    """Return part 2 of the common name split at `@`; a name without it is nobody's."""
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    parts = str(names[0].value).split("@") if len(names) == 1 else []
    return parts[_CN_PART] if len(parts) > _CN_PART else ""


def _issued(child: x509.Certificate, parent: x509.Certificate, trust: Trust) -> bool:
    key = parent.public_key()
    if child.issuer != parent.subject or not isinstance(key, RSAPublicKey):
        return False
    try:
        algorithm = child.signature_hash_algorithm
        if algorithm is None or (isinstance(algorithm, hashes.SHA1) and trust.leaf_name != TEST_NAME):
            return False
        key.verify(child.signature, child.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    """Return the CA flag; a root of version 1 or without the extension is pinned and therefore believed."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return certificate.subject == certificate.issuer
    except ValueError:
        return False
    return constraints.value.ca
