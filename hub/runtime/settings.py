"""Every setting of the hub: read once from `MEDCREDIT_*`, frozen, passed down.

A nested setting joins its names with two underscores: `MEDCREDIT_KAFKA__BOOTSTRAP`. What is wrong is said all at once,
each with its remedy, as `ConfigurationError` (exit code 78).
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import setting_invalid
from schemas.topics import DEFAULT_PREFIX, DEMO_PARTITIONS, Cluster, Topics, topics

Profile = Literal["demo", "production"]

DEMO_CITY_KEY = "6d6564637265646974206465" * 2 + "6d6f206369747920"
"""The HMAC key of the demo's account ids; public, therefore refused in production."""


class Section(BaseModel):
    """A frozen group of settings; a misspelt name in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(Section):
    """Where something listens or is reached; port 0 lets the system choose when listening."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class KafkaSettings(Section):
    """How the cluster is reached and what the topics on it are like."""

    bootstrap: str = "127.0.0.1:9092"
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    """Certificates trusted for TLS; the system's when not given."""
    certificate_file: Path | None = None
    """Our own certificate, for a cluster that asks clients for one."""
    key_file: Path | None = None
    """Its private key; in the certificate's file when not given."""
    partitions: int = Field(default=DEMO_PARTITIONS, ge=1, le=1000)
    """Lanes of the hub: fixed for the life of the topics."""
    replication: int = Field(default=1, ge=1)
    min_insync: int = Field(default=1, ge=1)

    @field_validator("bootstrap")
    @classmethod
    def _brokers_have_ports(cls, value: str) -> str:
        if not all(re.fullmatch(r"\S+:\d{1,5}", each) for each in value.split(",")):
            raise ValueError("must be host:port, several joined with commas and without spaces")
        return value

    def client_arguments(self) -> dict[str, Any]:
        """Return what every aiokafka client of the hub is given to reach the cluster."""
        arguments: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security}
        if self.security.endswith("SSL"):
            arguments["ssl_context"] = self._tls()
        if self.security.startswith("SASL"):
            arguments["sasl_mechanism"] = self.sasl_mechanism
            arguments["sasl_plain_username"] = self.username
            arguments["sasl_plain_password"] = self.password.get_secret_value()
        return arguments

    def _tls(self) -> ssl.SSLContext:
        """Return a context that proves the broker's certificate and name, with our own certificate when we have one."""
        setting, path = "CA_FILE", self.ca_file
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file is not None:
                setting, path = "CERTIFICATE_FILE", self.certificate_file
                context.load_cert_chain(self.certificate_file, self.key_file)
        except OSError as error:  # ssl.SSLError is one
            fault = f"{path}: {error.strerror or error}"
            raise setting_invalid(f"MEDCREDIT_KAFKA__{setting}", fault, "Name a readable PEM file.") from error
        return context


_TLS_FILES = frozenset({"sslrootcert", "sslcert", "sslkey"})


class PostgresSettings(Section):
    """How the read model is reached; TLS as the DSN says: `?sslmode=verify-full&sslrootcert=/path/ca.pem`."""

    dsn: SecretStr = SecretStr("postgresql://medcredit@127.0.0.1:5432/medcredit")
    """A secret because it may hold a password."""
    pool_size: int = Field(default=8, ge=1, le=200)

    @field_validator("dsn")
    @classmethod
    def _dsn_is_one(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql:// as postgresql://user:password@host:5432/database")
        for name, path in parse_qsl(urlsplit(value.get_secret_value()).query):
            if name in _TLS_FILES and not Path(path).is_file():
                raise ValueError(f"its {name} names no file: {path}")
        return value


class GroupSettings(Section):
    """Names of the consumer groups. A second service that reused `streams` would destroy exactly-once."""

    streams: str = "streams"
    courier: str = "courier"
    relay: str = "relay"
    projector: str = "projector"
    views: str = "views"


class EdgeSettings(Section):
    """What one edge process listens on, and how long its callers wait."""

    mllp: Address = Address(port=2575)
    http: Address = Address(port=8780)
    slot: int = Field(default=0, ge=0)
    """Number of this edge process; it decides the partition its replies come back on."""
    reply_wait_ms: int = Field(default=2000, ge=100, le=30_000)
    durable_wait_ms: int = Field(default=5000, ge=100, le=30_000)
    """How long a sender waits for the broker before it is told HUB_BUSY."""
    sources_file: Path | None = None
    """The HTTP sources and their tokens; the demo city's when not given."""


class GatewaySettings(Section):
    """One payment gateway: where it is called, who we are there, which keys prove what. Files hold PEM."""

    endpoint: str = ""
    notify_url: str = ""
    merchant: str = ""
    """Alipay's app_id, UnionPay's merId."""
    seller: str = ""
    """Alipay's seller_id, which every notice must name."""
    private_key_file: Path | None = None
    public_key_file: Path | None = None
    """Alipay's public key."""
    certificate_file: Path | None = None
    """Our signing certificate at UnionPay; its serial is certId."""
    root_certificate_file: Path | None = None
    middle_certificate_file: Path | None = None
    signer_name: str = "中国银联股份有限公司"
    """What part 2 of the leaf's common name must be (protocols 6.1)."""
    timeout_ms: int = Field(default=20_000, ge=100, le=60_000)
    keep_sign_type: bool = False
    """Alipay: whether the notices of this endpoint sign `sign_type` too; agreement notices do (protocols 5.2)."""
    keep_empty: bool = True
    """Alipay: whether notices sign fields without a value."""
    app_cert_sn: str = Field(default="", pattern=r"^[0-9a-f]*$")
    """Alipay in certificate mode: serial of our application certificate, sent with each call; empty in key mode."""
    root_cert_sn: str = Field(default="", pattern=r"^[0-9a-f_]*$")
    """Alipay in certificate mode: serials of its root certificates, joined with `_`."""
    gateway_cert_sn: str = Field(default="", pattern=r"^[0-9a-f]*$")
    """Alipay in certificate mode: serial of its own certificate; an answer under another one is not believed."""


class GatewaysSettings(Section):
    """The gateways the courier calls and the edge believes."""

    alipay: GatewaySettings = GatewaySettings()
    unionpay: GatewaySettings = GatewaySettings()


class ClerkSettings(Section):
    """What the clerk is handed besides the gateways' files."""

    inbox: Path | None = None
    """Folder of `his-<institution>-<day>.csv` and `bank-<bank>-<day>.txt`; none when not given."""


class SmSettings(Section):
    """Files of the national algorithms: the ring of keys, and the score sources that use them."""

    provider: Literal["auto", "tongsuo", "gmssl"] = "auto"
    ring_file: Path | None = None
    scores_file: Path | None = None
    """Who may push scores, and where each takes our feedback; the demo city's sources when not given."""


class Settings(BaseSettings):
    """Everything the roles need. Read it with `read_settings`; pass it down; never read the environment elsewhere."""

    model_config = SettingsConfigDict(
        env_prefix="MEDCREDIT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        nested_model_default_partial_update=True,
    )

    profile: Profile = "production"
    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    topic_prefix: str = Field(default=DEFAULT_PREFIX, pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    groups: GroupSettings = GroupSettings()
    edge: EdgeSettings = EdgeSettings()
    web: Address = Address(port=8781)
    health: Address = Address()
    """Where a role answers /livez, /readyz and /metrics; the supervisor gives each process its own port."""
    run_dir: Path = Path(".run")
    clock_file: Path | None = None
    """The city clock of the demo; without it both clocks are the system's."""
    city_key: SecretStr = SecretStr("")
    """32 bytes in hex: the HMAC-SM3 key from which account ids are made. Changing it changes every account id."""
    institutions_dir: Path | None = None
    """One profile file per institution."""
    packs_dir: Path | None = None
    """Policy packs besides the shipped ones, with their own packs.lock (`python -m hub.policies lock DIRECTORY`)."""
    gateways: GatewaysSettings = GatewaysSettings()
    clerk: ClerkSettings = ClerkSettings()
    sm: SmSettings = SmSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    chaos_stretch: Mapping[str, int] = Field(default_factory=dict)
    """Name of a critical section → milliseconds it is held open, so that a fault hits inside it. Tests only."""

    ladder_scale: float = Field(default=1.0, gt=0, le=1)
    """Durations on the wire (life of an order number, retries, query ladders) times this; below 1 in the demo only."""

    @field_validator("city_key")
    @classmethod
    def _city_key_is_32_bytes(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and (len(text) != 64 or not set(text) <= set("0123456789abcdefABCDEF")):
            raise ValueError("must be 32 bytes written as 64 hexadecimal digits")
        return value

    @field_validator("chaos_stretch")
    @classmethod
    def _stretch_is_bounded(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        if any(not 0 <= milliseconds <= 60_000 for milliseconds in value.values()):
            raise ValueError("each section may be stretched by 0 to 60000 ms")
        return value

    @model_validator(mode="after")
    def _production_is_not_the_demo(self) -> Self:
        if self.profile == "demo":
            return self
        if not self.city_key.get_secret_value():
            raise ValueError(
                "MEDCREDIT_CITY_KEY it is missing; production needs 64 hexadecimal digits kept in your vault (beside a "
                "demo, source the medcredit.env it names)"
            )
        if self.city_key.get_secret_value() == DEMO_CITY_KEY:
            raise ValueError("MEDCREDIT_CITY_KEY is the demo's public key: set it to your own 64 hexadecimal digits")
        if self.ladder_scale < 1:
            raise ValueError("MEDCREDIT_LADDER_SCALE cuts the gateways' own waits short: remove it")
        if self.chaos_stretch:
            raise ValueError("MEDCREDIT_CHAOS_STRETCH delays money: remove it")
        return self

    @property
    def city_key_bytes(self) -> bytes:
        """The HMAC key of account ids; the demo's own when the demo profile names none."""
        return bytes.fromhex(self.city_key.get_secret_value() or DEMO_CITY_KEY)

    @property
    def topics(self) -> Topics:
        """The topic registry for this prefix and cluster."""
        return topics(self.topic_prefix, Cluster(self.kafka.partitions, self.kafka.replication, self.kafka.min_insync))

    def group(self, role: Literal["streams", "courier", "relay", "projector", "views"]) -> str:
        """Return the consumer group (and stem of transactional ids) of a role: `<prefix>.<name>`."""
        return f"{self.topic_prefix}.{getattr(self.groups, role)}"


def read_settings(**overrides: Any) -> Settings:
    """Return the settings from the environment; arguments win over it.

    Raises `ConfigurationError` SETTING_INVALID naming every wrong setting and its remedy.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = [_fault(each["loc"], each["msg"]) for each in error.errors()]
        names, texts = ", ".join(name for name, _ in faults), "; ".join(text for _, text in faults)
        remedy = "Correct it and start again; `medcredit doctor` shows every setting."
        raise setting_invalid(names, texts, remedy) from error


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment from which a child process reads these same settings (secrets included)."""
    return dict(_variables("MEDCREDIT", settings.model_dump(mode="python", exclude_defaults=True)))


def _variables(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        variable = f"{prefix}_{name.upper()}" if prefix == "MEDCREDIT" else f"{prefix}__{name.upper()}"
        if variable == "MEDCREDIT_CHAOS_STRETCH":
            yield variable, json.dumps(value)
        elif isinstance(value, Mapping):
            yield from _variables(variable, value)
        elif isinstance(value, SecretStr):
            yield variable, value.get_secret_value()
        elif value is not None:
            yield variable, str(value)


def _fault(location: tuple[int | str, ...], message: str) -> tuple[str, str]:
    """Name the environment variable of a validation error; the value itself is never repeated (it may be a key).

    What production refuses has no location; its message begins with the name.
    """
    text = message.removeprefix("Value error, ")
    if location:
        return "MEDCREDIT_" + "__".join(str(part).upper() for part in location), text
    name, _, rest = text.partition(" ")
    return name, rest
