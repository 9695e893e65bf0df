"""Messages the HL7 tests share: the worked message of protocols 2.5, its variants, and the translation around them."""

from datetime import UTC, datetime

from adapters.hl7.profile import Profile, Profiles, load_profiles, profile_from_yaml
from adapters.hl7.translation import Accepted, Refused, Setting, Translated, translate

NOW = int(datetime(2026, 7, 3, 2, 16, tzinfo=UTC).timestamp() * 1000)
"""One minute after the worked message, in milliseconds."""
CITY_KEY = bytes(range(32))
PROFILES = load_profiles()
SETTING = Setting(PROFILES, CITY_KEY)

_TAIL = "250101015^血细胞分析^NHSA|||1|25.00&CNY|25.00&CNY|LAB^检验科||||||||D0123^陈^国栋||O7781^HIS"
_DRUG = "XD0001^阿莫西林胶囊^NHSA"
WORKED_TEXT = (
    r"MSH|^~\&|HIS|XMZSH|XMHUB|XM|20260703101512+0800||DFT^P03^DFT_P03|ZS26070300000871|P|2.5.1"
    "|||AL|AL|CHN|UNICODE UTF-8\r"
    "EVN|P03|20260703101510+0800\r"
    "PID|1||P0091827^^^XMZSH^MR~350299199003070025^^^NHSA^NI||林^晓岚||19900307|F||||||||||A5512^^^XMZSH^AN\r"
    "PV1|1|O|OPD^^^XMZSH||||D0123^陈^国栋||||||||||||V5512^^^XMZSH^VN|||||||||||||||||||||||||20260703094000+0800\r"
    f"FT1|1|F0001|B77|20260703100800+0800|20260703101500+0800|CG|{_TAIL}\r"
    f"FT1|2|F0002|B77|20260703101000+0800|20260703101500+0800|CG|{_DRUG}|||14|18.34&CNY|1.31&CNY|PHA^药房"
    "||||||||D0123^陈^国栋||O7782^HIS\r"
    f"FT1|3|F0003|B77|20260703101400+0800|20260703101500+0800|CD|{_DRUG}|||4|5.24&CNY|1.31&CNY|PHA^药房"
    "||||||||||O7782^HIS||||||||2\r"
)
WORKED = WORKED_TEXT.encode()
"""836 bytes: three lines, net 38.10."""


def changed(text: str = WORKED_TEXT, **fields: str) -> bytes:
    """Return the message with raw fields replaced: `changed(FT1_2_11="12,50")` sets field 11 of the second FT1."""
    return edited(text, dict(fields)).encode()


def edited(text: str, fields: dict[str, str]) -> str:
    """Return the text with fields replaced; a name is SEGMENT_field or SEGMENT_occurrence_field."""
    lines = [line for line in text.split("\r") if line]
    for name, value in fields.items():
        parts = name.split("_")
        segment, occurrence, number = parts[0], int(parts[1]) if len(parts) == 3 else 1, int(parts[-1])
        places = [index for index, line in enumerate(lines) if line.startswith(segment)]
        index = places[occurrence - 1]
        raw = lines[index].split("|")
        position = number - 1 if segment == "MSH" else number
        raw += [""] * (position + 1 - len(raw))
        raw[position] = value
        lines[index] = "|".join(raw)
    return "".join(line + "\r" for line in lines)


def without(segment: str, text: str = WORKED_TEXT) -> bytes:
    """Return the message without the segments of a name."""
    lines = [line for line in text.split("\r") if line and not line.startswith(segment)]
    return "".join(line + "\r" for line in lines).encode()


def adt(event: str, **fields: str) -> bytes:
    """Return an ADT of the worked visit."""
    text = "".join(line + "\r" for line in WORKED_TEXT.split("\r")[:4])
    return changed(text, **{"MSH_9": f"ADT^{event}^ADT_A01", "EVN_1": event, **fields})


def original(payload: bytes = WORKED) -> bytes:
    """Return the message in original mode: MSH-15 and MSH-16 empty."""
    return payload.replace(b"|AL|AL|", b"||||", 1).replace(b"||||CHN", b"|||CHN", 1)


def setting_for(*documents: str) -> Setting:
    """Return a setting that knows the shipped profiles and these."""
    sources = [PROFILES.find(source) for source in PROFILES.sources]
    profiles: list[Profile] = [profile for profile in sources if profile is not None]
    named = {profile.identity.source_id: profile for profile in profiles}
    for document in documents:
        profile = profile_from_yaml(document)
        named[profile.identity.source_id] = profile
    return Setting(Profiles(named.values()), CITY_KEY)


def variant(old: str, new: str, file: str = "his-xmzsh.yaml") -> Setting:
    """Return a setting whose profile of a shipped file differs in one place."""
    from adapters.hl7.profile import SHIPPED

    text = (SHIPPED / file).read_text("utf-8")
    assert old in text
    return setting_for(text.replace(old, new))


def accepted(payload: bytes, setting: Setting = SETTING, now: int = NOW) -> Accepted:
    """Return the translation, which must be an acceptance."""
    translated = translate(payload, setting, now)
    assert isinstance(translated, Accepted), getattr(translated, "faults", translated)
    return translated


def refused(payload: bytes, setting: Setting = SETTING, now: int = NOW) -> Refused:
    """Return the translation, which must be a refusal."""
    translated: Translated = translate(payload, setting, now)
    assert isinstance(translated, Refused), translated
    return translated
