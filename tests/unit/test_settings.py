"""Settings: where they come from, what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.runtime.settings import DEMO_CITY_KEY, Settings, environment, read_settings
from schemas.errors import ConfigurationError

OWN_KEY = DEMO_CITY_KEY[::-1]


def refusal(**overrides: object) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_settings(**overrides)
    assert raised.value.exit_code == 78
    return str(raised.value)


def test_nested_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two underscores join the parts of a name; what is not set keeps its default."""
    monkeypatch.setenv("MEDCREDIT_PROFILE", "demo")
    monkeypatch.setenv("MEDCREDIT_EDGE__MLLP__PORT", "12575")
    monkeypatch.setenv("MEDCREDIT_KAFKA__BOOTSTRAP", "broker:9")
    settings = read_settings()
    assert (str(settings.edge.mllp), settings.kafka.bootstrap) == ("127.0.0.1:12575", "broker:9")
    assert settings.edge.http.port == 8780


def test_every_fault_is_named_at_once_without_its_value() -> None:
    """Two wrong settings give one error with both names, and never repeat a key's value."""
    text = refusal(profile="demo", city_key="secret-but-wrong", kafka={"partitions": 0, "bootstrap": "x"})
    assert "MEDCREDIT_CITY_KEY" in text
    assert "MEDCREDIT_KAFKA__PARTITIONS" in text
    assert "secret-but-wrong" not in text


def test_a_misspelt_nested_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error does not silently leave the default in force."""
    monkeypatch.setenv("MEDCREDIT_KAFKA__BOOTSTRAPS", "x")
    assert "MEDCREDIT_KAFKA__BOOTSTRAPS" in refusal(profile="demo")


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({}, "MEDCREDIT_CITY_KEY"),
        ({"city_key": DEMO_CITY_KEY}, "the demo's public key"),
        ({"city_key": OWN_KEY, "chaos_stretch": {"before_commit": 50}}, "MEDCREDIT_CHAOS_STRETCH"),
    ],
)
def test_production_refuses_what_belongs_to_the_demo(overrides: dict[str, object], named: str) -> None:
    """Without a key of its own, with the public one, or with stretched sections the hub does not start."""
    assert named in refusal(profile="production", **overrides)


def test_the_profile_is_production_unless_said_otherwise() -> None:
    """A forgotten profile cannot run on the demo's key."""
    assert "MEDCREDIT_CITY_KEY" in refusal()


def test_production_keeps_the_gateways_own_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortened ladders would ask a gateway too early and free a number it still honours."""
    monkeypatch.setenv("MEDCREDIT_CITY_KEY", OWN_KEY)
    monkeypatch.setenv("MEDCREDIT_LADDER_SCALE", "0.5")
    with pytest.raises(ConfigurationError, match="MEDCREDIT_LADDER_SCALE"):
        read_settings(profile="production")
    assert read_settings(profile="demo").ladder_scale == 0.5


def test_settings_cannot_be_changed() -> None:
    """They are read once; nobody changes them on the way."""
    settings = read_settings(profile="demo")
    with pytest.raises(ValueError, match="frozen"):
        settings.topic_prefix = "other"
    with pytest.raises(ValueError, match="frozen"):
        settings.kafka.bootstrap = "other"


def test_a_child_process_reads_the_same_settings(tmp_path: Path) -> None:
    """What `environment` gives, a new process turns back into equal settings, secrets and nested ones included."""
    settings = read_settings(
        profile="demo",
        city_key=OWN_KEY,
        run_dir=tmp_path,
        kafka={"bootstrap": "broker:9", "security": "SASL_SSL", "password": "p", "partitions": 3},
        edge={"mllp": {"port": 1}, "slot": 4},
        gateways={"alipay": {"endpoint": "http://127.0.0.1:1/gateway", "private_key_file": tmp_path / "k.pem"}},
        chaos_stretch={"before_commit": 50},
    )
    program = "from hub.runtime.settings import read_settings; print(read_settings().model_dump_json())"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MEDCREDIT_")}
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **environment(settings)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == settings.model_dump_json()
    assert environment(settings)["MEDCREDIT_CITY_KEY"] == OWN_KEY


def test_secrets_do_not_show_when_printed() -> None:
    """A settings object in a log or traceback hides keys, passwords and the database's address."""
    shown = repr(read_settings(profile="demo", city_key=OWN_KEY, postgres={"dsn": "postgresql://u:hidden@h/d"}))
    assert OWN_KEY not in shown
    assert "hidden" not in shown


def test_groups_carry_the_topic_prefix() -> None:
    """Two hubs on one cluster, with two prefixes, share neither groups nor transactional ids."""
    one, other = (read_settings(profile="demo", topic_prefix=prefix) for prefix in ("one", "other"))
    assert one.group("streams") == "one.streams"
    assert other.group("streams") == "other.streams"


def test_the_demo_key_is_32_bytes() -> None:
    """The embedded default has the length the HMAC key must have."""
    assert len(Settings(profile="demo").city_key_bytes) == 32


def test_an_address_that_cannot_be_one_is_refused_before_anything_starts() -> None:
    """A broker without port and a database that is no URL are named, and what they should look like."""
    text = refusal(profile="demo", kafka={"bootstrap": "broker"}, postgres={"dsn": "host=h password=hidden"})
    assert "MEDCREDIT_KAFKA__BOOTSTRAP" in text
    assert "MEDCREDIT_POSTGRES__DSN" in text
    assert "hidden" not in text


def test_a_certificate_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing or no PEM: SETTING_INVALID with the setting and the file, when the first client is made."""
    (tmp_path / "no.pem").write_text("nothing")
    for setting, path in (("ca_file", tmp_path / "missing.pem"), ("certificate_file", tmp_path / "no.pem")):
        kafka = read_settings(profile="demo", kafka={"security": "SSL", setting: path}).kafka
        with pytest.raises(ConfigurationError) as raised:
            kafka.client_arguments()
        assert raised.value.parameters["setting"] == f"MEDCREDIT_KAFKA__{setting.upper()}"
        assert str(path) in raised.value.parameters["fault"]


def test_a_certificate_of_the_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The option and its path; left to the client it would look like a server that is away."""
    dsn = f"postgresql://u:hidden@h/d?sslmode=verify-full&sslrootcert={tmp_path / 'missing.pem'}"
    text = refusal(profile="demo", postgres={"dsn": dsn})
    assert f"its sslrootcert names no file: {tmp_path / 'missing.pem'}" in text
    assert "hidden" not in text
