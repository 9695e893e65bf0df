"""`dlq show --raw` and `tail`: structure and fault stay visible, nobody can be recognised."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.masking import caret_below, masked_lines

NAME, CITIZEN, PHONE, CARD = "林晓岚", "350299199003070025", "13860101234", "6217001930012345678"
HL7 = "\r".join(
    (
        r"MSH|^~\&|HIS|XMZSH|XMHUB|XM|20260703101512+0800||DFT^P03|ZS26070300000871|P|2.5.1",
        f"PID|1|P77|P0091827^^^XM^MR~{CITIZEN}^^^CN^NI||林^晓岚||19900307|F|||厦门市思明区||{PHONE}",
        f"NK1|1|{NAME}|父亲",
        "PV1|1|O|OPD||||||||||||||||V5512",
        f"FT1|1|F0002|B77|20260703101000+0800||CG|XD0001^阿莫西林胶囊^NHSA|{CARD}||14|18.43&CNY|1.31&CNY",
        "",
    )
)


def test_hl7_keeps_its_structure_and_loses_the_people():
    """Every separator stands where it stood; the amount and the item are legible, names and numbers are not."""
    lines = masked_lines(HL7.encode()) or []
    text = "\n".join(lines)
    for secret in ("林^", "晓岚", CITIZEN, PHONE, CARD, "P0091827", "19900307", "思明"):
        assert secret not in text
    assert "18.43&CNY" in text
    assert "阿莫西林胶囊" in text
    original = HL7.strip("\r").split("\r")
    assert [line.count("|") for line in lines] == [line.count("|") for line in original]
    assert lines[1].count("~") == 1


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_hl7_is_masked_in_either_charset(codec: str):
    """The bytes are decoded as the reader does, before anything is masked."""
    text = "\n".join(masked_lines(HL7.encode(codec)) or [])
    assert "晓岚" not in text
    assert "血" not in text or "阿莫西林" in text


def test_carets_stand_below_the_field_in_fault():
    """`FT1^1^11` points at 18.43&CNY in the FT1 line."""
    lines = masked_lines(HL7.encode()) or []
    number, carets = caret_below(lines, "FT1^1^11") or (0, "")
    assert lines[number][carets.index("^") : carets.rindex("^") + 1] == "18.43&CNY"
    assert caret_below(lines, "FT1^2^11") is None
    assert caret_below(lines, "") is None


def test_json_shows_codes_amounts_and_times_only():
    """Names, ids, addresses and free texts become stars; a number as long as a card's too, wherever it stands."""
    document = {
        "resourceType": "ChargeItem",
        "subject": {"identifier": {"system": "urn:nhsa:citizen-id", "value": CITIZEN}, "display": CARD},
        "priceOverride": {"value": 18.34, "currency": "CNY"},
        "note": [{"text": f"{NAME} 来电 {PHONE}"}],
        "phone": int(PHONE),
    }
    text = "\n".join(masked_lines(json.dumps(document, ensure_ascii=False).encode()) or [])
    for secret in (CITIZEN, CARD, NAME, PHONE, "来电"):
        assert secret not in text
    assert "ChargeItem" in text
    assert "18.34" in text


def test_a_form_shows_what_is_known_to_name_nobody():
    """Order, amount and status of a notice are legible; the buyer and the signature are not."""
    form = b"out_trade_no=A1&total_amount=8.10&trade_status=TRADE_SUCCESS&buyer_id=2088123412341234&sign=abc%2Bdef"
    assert masked_lines(form) == [
        "out_trade_no=A1",
        "total_amount=8.10",
        "trade_status=TRADE_SUCCESS",
        "buyer_id=****************",
        "sign=***+***",
    ]


def test_what_cannot_be_read_is_not_shown():
    """Broken JSON, a form of noise, bytes of no charset: None, and the caller shows length and digest."""
    for raw in (b'{"name": "', b"\xff\xfe\x00", "林晓岚".encode()):
        assert masked_lines(raw) is None


@given(st.binary(max_size=300))
def test_masking_never_fails(raw: bytes):
    """Whatever the bytes, the answer is lines or None."""
    lines = masked_lines(raw)
    assert lines is None or all(isinstance(line, str) for line in lines)


@given(st.binary(max_size=200))
def test_masking_of_anything_that_begins_as_hl7_never_fails(tail: bytes):
    """A header and then noise."""
    lines = masked_lines(b"MSH|^~\\&|" + tail)
    assert lines is None or lines
