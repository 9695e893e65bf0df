"""Who we are at the payment gateways, from the settings: the edge believes notices by it, the courier calls by it."""

from pathlib import Path

from adapters.alipay import access as alipay
from adapters.unionpay import access as unionpay
from hub.runtime.settings import GatewaySettings
from schemas.errors import ConfigurationError, setting_invalid


def alipay_access(gateway: GatewaySettings) -> alipay.AlipayAccess:
    """Return the access of the configured Alipay endpoint.

    Raises ConfigurationError for a missing or bad key file, and for certificate mode with only some of its serials.
    """
    serials = (gateway.app_cert_sn, gateway.root_cert_sn, gateway.gateway_cert_sn)
    if any(serials) and not all(serials):
        raise _misconfigured("ALIPAY", "certificate mode needs all three serials", "Set all or none of them.")
    try:
        return alipay.AlipayAccess(
            app_id=gateway.merchant,
            seller_id=gateway.seller,
            gateway_url=gateway.endpoint,
            notify_url=gateway.notify_url,
            private_key=alipay.private_key_from(_file(gateway.private_key_file, "ALIPAY__PRIVATE_KEY_FILE")),
            alipay_public_key=alipay.public_key_from(_file(gateway.public_key_file, "ALIPAY__PUBLIC_KEY_FILE")),
            timeout_seconds=gateway.timeout_ms / 1000,
            keep_sign_type=gateway.keep_sign_type,
            keep_empty=gateway.keep_empty,
            app_cert_sn=gateway.app_cert_sn,
            alipay_root_cert_sn=gateway.root_cert_sn,
            alipay_cert_sn=gateway.gateway_cert_sn,
        )
    except alipay.AccessError as error:
        raise _misconfigured("ALIPAY", str(error)) from error


def unionpay_access(gateway: GatewaySettings) -> unionpay.UnionPayAccess:
    """Return the access of the configured UnionPay merchant. Raises ConfigurationError as `alipay_access`."""
    try:
        certificate = unionpay.certificate_from(_file(gateway.certificate_file, "UNIONPAY__CERTIFICATE_FILE"))
        root = _file(gateway.root_certificate_file, "UNIONPAY__ROOT_CERTIFICATE_FILE")
        middle = _file(gateway.middle_certificate_file, "UNIONPAY__MIDDLE_CERTIFICATE_FILE")
        return unionpay.UnionPayAccess(
            mer_id=gateway.merchant,
            cert_id=str(certificate.serial_number),
            gateway_url=gateway.endpoint,
            back_url=gateway.notify_url,
            trust=unionpay.Trust(
                unionpay.certificate_from(root), unionpay.certificate_from(middle), gateway.signer_name
            ),
            private_key=unionpay.private_key_from(_file(gateway.private_key_file, "UNIONPAY__PRIVATE_KEY_FILE")),
            timeout_seconds=gateway.timeout_ms / 1000,
        )
    except unionpay.AccessError as error:
        raise _misconfigured("UNIONPAY", str(error)) from error


def _file(path: Path | None, setting: str) -> Path:
    if path is None:
        raise _misconfigured(setting, "no file is named")
    return path


def _misconfigured(setting: str, fault: str, remedy: str = "Name a readable PEM file.") -> ConfigurationError:
    return setting_invalid(f"MEDCREDIT_GATEWAYS__{setting}", fault, remedy)
