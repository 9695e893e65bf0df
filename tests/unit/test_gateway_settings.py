"""What the settings of a gateway become at its client."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from payments_world import public_pem, rsa_key

from hub.roles.gateways import alipay_access
from hub.runtime.settings import GatewaySettings, read_settings
from schemas.errors import ConfigurationError


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Key files of an Alipay endpoint."""
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(rsa_key("merchant").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(public_pem("alipay"))
    return {"private_key_file": private, "public_key_file": public}


def test_what_notices_sign_and_the_certificate_serials_reach_the_client(
    keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    """Protocols 5.1 and 5.2: read from the environment as an operator sets them."""
    for name, value in {"KEEP_SIGN_TYPE": "true", "KEEP_EMPTY": "false", "APP_CERT_SN": "0a", "ROOT_CERT_SN": "1b_2c",
                        "GATEWAY_CERT_SN": "3d"}.items():  # fmt: skip
        monkeypatch.setenv(f"MEDCREDIT_GATEWAYS__ALIPAY__{name}", value)
    for name, path in keys.items():
        monkeypatch.setenv(f"MEDCREDIT_GATEWAYS__ALIPAY__{name.upper()}", str(path))
    access = alipay_access(read_settings(profile="demo").gateways.alipay)
    assert (access.keep_sign_type, access.keep_empty) == (True, False)
    assert (access.app_cert_sn, access.alipay_root_cert_sn, access.alipay_cert_sn) == ("0a", "1b_2c", "3d")


def test_without_them_the_endpoint_is_in_key_mode(keys: dict[str, Path]):
    """The usual endpoint: notices sign empty fields and not sign_type, no serials."""
    access = alipay_access(GatewaySettings(**keys))
    assert (access.keep_sign_type, access.keep_empty, access.app_cert_sn) == (False, True, "")


@pytest.mark.parametrize("given", ["app_cert_sn", "root_cert_sn", "gateway_cert_sn"])
def test_half_of_certificate_mode_is_refused(keys: dict[str, Path], given: str):
    """Calls signed under a certificate whose answers nobody checks would be worse than none."""
    with pytest.raises(ConfigurationError, match="all three serials"):
        alipay_access(GatewaySettings(**keys, **{given: "0a"}))
