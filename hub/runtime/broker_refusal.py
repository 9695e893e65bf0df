"""Why a broker that is there will not have us: the client library says only that no broker could be reached."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from hub.runtime.settings import KafkaSettings
from schemas.errors import ConfigurationError, setting_invalid

_PATIENCE_MS: Final = 3000
_PASSWORD: Final = ("MEDCREDIT_KAFKA__USERNAME, MEDCREDIT_KAFKA__PASSWORD", "Correct them, or the cluster's users.")
_MECHANISM: Final = ("MEDCREDIT_KAFKA__SASL_MECHANISM", "Name one the cluster's listener offers.")
_SECURITY: Final = ("MEDCREDIT_KAFKA__SECURITY", "Name what the cluster's listener speaks, or another address.")
_TRUST: Final = ("MEDCREDIT_KAFKA__CA_FILE", "Name the authority of the brokers' certificates, and them as it does.")
_SETTINGS: Final[Mapping[type[Exception], tuple[str, str]]] = {
    AuthenticationFailedError: _PASSWORD,
    SaslAuthenticationFailed: _PASSWORD,
    UnsupportedSaslMechanismError: _MECHANISM,
    AuthenticationMethodNotSupported: _MECHANISM,
    IllegalSaslStateError: _SECURITY,
    ssl.SSLCertVerificationError: _TRUST,
    ssl.SSLError: _SECURITY,
}
"""What a refusal is about, the more special first."""


async def broker_refusal(kafka: KafkaSettings) -> ConfigurationError | None:
    """Return why one of the named brokers refuses us for good; None when none does, or none listens.

    Asks each for a connection, up to 3 s; never raises for what it finds.
    """
    arguments = kafka.client_arguments()
    for host, port, _ in collect_hosts(arguments.pop("bootstrap_servers")):
        try:
            async with asyncio.timeout(_PATIENCE_MS / 1000):
                connection = await create_conn(host, port, request_timeout_ms=_PATIENCE_MS, **arguments)
            connection.close()
        except tuple(_SETTINGS) as error:
            return _refusal(error, f"{host}:{port}")
        except (KafkaError, OSError, TimeoutError):  # only away, or unwell: the caller has said so already
            continue
    return None


def _refusal(error: Exception, address: str) -> ConfigurationError:
    setting, remedy = next(words for kind, words in _SETTINGS.items() if isinstance(error, kind))
    fault = f"the broker at {address} refuses it: {type(error).__name__} {error}"
    return setting_invalid(setting, fault, remedy)
