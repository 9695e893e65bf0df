"""Sesame and banks push as Egret does, each under its own name, keys and scale (domain 3 and 5, protocols 8)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.keys import SCORE_SOURCES, make_keys
from adapters.sandbox.score_sender import SENDER_NAMES, Head, SenderKeys, build_message, score_payload
from adapters.scores.access import FeedAccess
from adapters.scores.translation import receive
from hub.policies import load_policies
from hub.roles.edge_notices import feed_path
from hub.runtime.guomi import KeyRing, SoftwareProvider
from hub.runtime.score_sources import ScoreSource, load_score_sources
from hub.runtime.wire import Inbound, Refusal
from schemas.commands import ObserveScore, ReceiveFeedMessage, RevokeConsent
from schemas.errors import ConfigurationError
from schemas.ids import account_id

NOW, DAY = 1_782_869_400_000, 86_400_000  # 2026-07-01 09:30 in the city
CITIZEN, CITY, POLICIES = "350299199003070025", b"city", load_policies()
SOURCES = {source.name: source for source in load_score_sources()}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented keys of every source."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


def pushed(
    keys: Path, value: int, by: str, to: str = "", signer: str = "", head: dict[str, Any] | None = None, **content: Any
) -> Inbound | Refusal:
    """Return what the source `to` makes of a message in the name of `by`, signed with the keys of `signer`."""
    source = SOURCES[to or by]
    clear = {"ver": f"{by}-1", "sender": SENDER_NAMES[by]} | (head or {})
    sent = Head("SCORE_PUSH", "score", 1, "2026-07-01T09:30:00+08:00", "01J1QW8Z5T6K3N9V2B4C7D8E0F")
    plain = score_payload(
        CITIZEN, value, computed_ms=NOW - DAY, valid_ms=NOW + 30 * DAY, auth_id="ZM-1", granted_ms=NOW - 9 * DAY,
        expires_ms=NOW + 99 * DAY, **content,
    )  # fmt: skip
    sender = SenderKeys.load(keys / (signer or by) / "sender.json")
    body = json.dumps(build_message(sender, replace(sent, **clear), plain)).encode()
    access = FeedAccess(SoftwareProvider(KeyRing.load(keys / "hub_keyring.json")), source)
    return receive(access, POLICIES, CITY, body, NOW)


def score_of(found: Inbound | Refusal) -> ObserveScore:
    """Return the score inside a taken message."""
    assert isinstance(found, Inbound)
    assert isinstance(found.body, ReceiveFeedMessage)
    assert isinstance(found.body.message, ObserveScore)
    return found.body.message


def reason_of(found: Inbound | Refusal) -> tuple[int, str]:
    """Return status and reason of a refusal."""
    assert isinstance(found, Refusal)
    return found.status, found.reason


@pytest.mark.parametrize(
    ("name", "provider", "value", "band"),
    [
        ("sesame", "sesame", 649, 0),
        ("sesame", "sesame", 650, 1),
        ("sesame", "sesame", 700, 2),
        ("bank-icbc", "bank", 59, 0),
        ("bank-icbc", "bank", 60, 1),
        ("bank-ccb", "bank", 80, 2),
        ("egret", "egret", 584, 2),
    ],
)
def test_each_source_gives_its_providers_band(keys: Path, name: str, provider: str, value: int, band: int):
    """The cut points are those of the packs for the provider; the feed's account is the sender's own."""
    found = pushed(keys, value, name)
    score = score_of(found)
    assert (score.provider, score.band, score.authorisation) == (provider, band, "ZM-1")
    assert score.cut_points_hash == POLICIES.cut_points_hash(provider)
    assert isinstance(found, Inbound)
    assert found.account == account_id(CITY, "feed", f"{SENDER_NAMES[name]}|score")
    assert found.source == f"{name}@{SENDER_NAMES[name]}"


@pytest.mark.parametrize(("value", "band"), [(649, 0), (650, 1), (900, 1)])
def test_sesames_brief_form_proves_the_admittance_score_and_no_more(keys: Path, value: int, band: int):
    """Domain 5, protocols 8: `admitted` at 650 counts as 650, not admitted as the foot of the scale."""
    assert score_of(pushed(keys, value, "sesame", admitted_at=650)).band == band


@pytest.mark.parametrize(
    ("name", "value"), [("sesame", 349), ("sesame", 951), ("bank-icbc", 101), ("bank-icbc", -1), ("egret", 1001)]
)
def test_a_value_outside_the_sources_own_scale_is_422(keys: Path, name: str, value: int):
    """Row 102 for each source: a bank's 101 is no score although Egret's is."""
    assert reason_of(pushed(keys, value, name)) == (422, "SCORE_RANGE")


@pytest.mark.parametrize(
    "word",
    [
        {"value": 700, "admitted": True, "admittance_score": 650},
        {"admitted": True},
        {"admittance_score": 650},
        {"value": 700, "admitted": False},
        {},
    ],
)
def test_a_score_says_a_value_or_an_admission_and_not_both(keys: Path, word: dict[str, object]):
    """BODY: half an admission, or two words about one score, are no score."""
    sender, clear = SenderKeys.load(keys / "sesame" / "sender.json"), {"ver": "sesame-1", "sender": "ZHIMA"}
    plain = score_payload(
        CITIZEN, 0, computed_ms=NOW, valid_ms=NOW + DAY, auth_id="Z", granted_ms=NOW - DAY, expires_ms=NOW + DAY
    )
    plain["score"] = {name: plain["score"][name] for name in ("computed_at", "valid_until")} | word
    head = Head("SCORE_PUSH", "score", 1, "2026-07-01T09:30:00+08:00", "01J1QW8Z5T6K3N9V2B4C7D8E0F", **clear)
    access = FeedAccess(SoftwareProvider(KeyRing.load(keys / "hub_keyring.json")), SOURCES["sesame"])
    found = receive(access, POLICIES, CITY, json.dumps(build_message(sender, head, plain)).encode(), NOW)
    assert reason_of(found) == (400, "BODY")


def test_no_source_speaks_for_another(keys: Path):
    """A good message at another's address, in another's name, or signed with another's keys is refused."""
    assert reason_of(pushed(keys, 700, "sesame", to="egret")) == (400, "TYPE_UNSUPPORTED")
    assert reason_of(pushed(keys, 700, "sesame", to="egret", head={"ver": "egret-1"})) == (403, "SENDER_MISMATCH")
    forged = {"ver": "egret-1", "sender": "XM-EGRET"}
    assert reason_of(pushed(keys, 700, "sesame", to="egret", head=forged)) == (403, "KEY_UNKNOWN")
    assert reason_of(pushed(keys, 70, "bank-ccb", signer="bank-icbc")) == (403, "KEY_UNKNOWN")


def test_a_withdrawal_at_a_source_ends_that_providers_consent_only(keys: Path):
    """Domain 5: consent is per score source."""
    found = pushed(keys, 700, "sesame", head={"msg_type": "CONSENT_REVOKE", "stream": "consent"})
    assert isinstance(found, Inbound)
    assert isinstance(found.body, ReceiveFeedMessage)
    assert found.body.message == RevokeConsent("sesame", NOW, "ZM-1")


def test_the_shipped_sources_are_those_whose_keys_the_sandbox_makes():
    """Each has its own address; the synthetic city knows how each names itself."""
    assert set(SOURCES) == set(SCORE_SOURCES) == set(SENDER_NAMES)
    assert {name: source.sender for name, source in SOURCES.items()} == SENDER_NAMES
    assert feed_path(SOURCES["bank-icbc"]) == "/feeds/bank-icbc/v1/messages"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('name="a"\nprovider="egret"\nsender="S"\n[[source]]\nname="a"\nprovider="bank"\nsender="T"', "one name"),
        ('name="a"\nprovider="egret"\nsender="S"\n[[source]]\nname="b"\nprovider="bank"\nsender="S"', "one sender"),
        ('name="a"\nprovider="zhima"\nsender="S"', "Invalid enum value"),
        ('name="A/b"\nprovider="egret"\nsender="S"', "matching regex"),
        ('name="a"\nprovider="egret"\nsender="S"\nscale=[10, 10]', "lesser to a greater"),
        ('name="a"\nprovider="egret"\nsender="S"\nscales=[1, 2]', "unknown field"),
    ],
)
def test_sources_that_contradict_each_other_are_refused_at_the_start(tmp_path: Path, text: str, fault: str):
    """A misspelt word too; what is wrong is named."""
    path = tmp_path / "sources.toml"
    path.write_text(f"[[source]]\n{text}\n")
    with pytest.raises(ConfigurationError) as refused:
        load_score_sources(path)
    assert fault in refused.value.parameters["fault"]


def test_a_file_of_ones_own_replaces_the_shipped_sources(tmp_path: Path):
    """Another city names its own."""
    path = tmp_path / "sources.toml"
    path.write_text('[[source]]\nname = "tongcheng"\nprovider = "egret"\nsender = "HZ"\nfeedback_url = "https://x"\n')
    assert list(load_score_sources(path)) == [ScoreSource("tongcheng", "egret", "HZ", feedback_url="https://x")]
