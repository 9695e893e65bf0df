"""The worked message of protocols 2.5, byte for byte."""

from hl7_messages import NOW, SETTING, WORKED, WORKED_TEXT, accepted, edited

from adapters.hl7.answers import answer_durable
from adapters.hl7.totals import net_fen
from adapters.hl7.translation import line_event_id, translate
from schemas.commands import PostCharge

KEY = "HIS|XMZSH|ZS26070300000871|2f394f6c23aa7e34"
_ACK = (
    "MSH|^~\\&|XMHUB|XM|HIS|XMZSH|20260703101512+0800||ACK^P03^ACK|{}14ff1868025e4b1e7a|P|2.5.1"
    "|||NE|NE|CHN|UNICODE UTF-8\rMSA|{}A|ZS26070300000871\r"
)
ACCEPT = _ACK.format("C", "C").encode()
APPLICATION = _ACK.format("A", "A").encode()


def test_the_sample_is_the_one_of_the_specification():
    """It has 836 bytes in UTF-8, as the page says."""
    assert len(WORKED) == 836


def test_the_message_key_is_made_of_sender_control_id_and_body():
    """MSH-3.1, MSH-4.1, MSH-10 and 16 hex digits of SM3 over the body without MSH-7."""
    assert accepted(WORKED).message_key == KEY


def test_both_answers_are_as_printed():
    """The accept and the application acknowledgement equal the page, control ids included."""
    answer = answer_durable(accepted(WORKED))
    assert answer.first == ACCEPT
    assert answer.application == APPLICATION
    assert answer.code == "AA"


def test_each_line_has_the_printed_event_id():
    """SM3 of `charge|key|line`, its first 32 hex digits."""
    assert line_event_id(KEY, 1) == "fe6ca39c6181164854af654263dc4d6c"
    assert line_event_id(KEY, 2) == "802ce25a16592a4ac28119ce0682b992"
    assert line_event_id(KEY, 3) == "b1bd8fb1e2a4efcd81bd54e04a65fe77"


def test_the_three_lines_net_to_38_10():
    """25.00 + 18.34 - 5.24, in fen, the credit naming the second line."""
    body = accepted(WORKED).body
    assert isinstance(body, PostCharge)
    found = [(line.kind, line.amount_fen) for line in body.lines]
    assert found == [("charge", 2500), ("charge", 1834), ("credit", 524)]
    assert net_fen(body.lines) == 3810
    assert [line.reverses for line in body.lines] == ["", "", "F0002"]


def test_every_field_of_the_second_line_is_read():
    """Item, quantity, price, department, doctor, order, time and key are those of the printed event."""
    body = accepted(WORKED).body
    assert isinstance(body, PostCharge)
    line = body.lines[1]
    assert (line.item.code, line.item.system, line.item.name) == ("XD0001", "NHSA", "阿莫西林胶囊")
    assert (line.quantity, line.unit_price, line.department) == ("14", "1.31", "PHA")
    assert (line.doctor, line.order_no, line.line_key) == ("D0123", "O7782", "F0002")
    assert line.service_at == 1783044600000  # 2026-07-03T10:10:00+08:00
    assert (body.institution, body.visit, body.scene) == ("XMZSH", "V5512", "outpatient")
    assert accepted(WORKED).profile == "HIS@XMZSH/3"


def test_neither_name_nor_number_leaves_the_adapter():
    """The command holds account ids and masks only."""
    text = repr(accepted(WORKED).body)
    for secret in ("350299199003070025", "P0091827", "晓岚"):
        assert secret not in text


def test_a_repeat_with_a_new_stamp_is_the_same_message():
    """Engines restamp MSH-7; key, command id and content hash stay, so the lane sees a repeat."""
    first = accepted(WORKED)
    again = accepted(edited(WORKED_TEXT, {"MSH_7": "20260703101612+0800"}).encode())
    assert first.message_key == again.message_key
    assert (first.command_id, first.content_hash) == (again.command_id, again.content_hash)


def test_the_same_bytes_get_the_same_answer_a_thousand_times():
    """A reply is a function of the bytes: one distinct answer to 1,000 repeats."""
    assert len({answer_durable(accepted(WORKED)) for _ in range(1000)}) == 1


def test_another_body_under_the_same_control_id_is_another_message():
    """Default policy `reused_ok`: another command id, so that it is processed as new."""
    other = accepted(edited(WORKED_TEXT, {"FT1_1_2": "F0099"}).encode())
    assert other.header.control_id == "ZS26070300000871"
    assert other.command_id != accepted(WORKED).command_id


def test_line_ends_of_any_kind_are_the_same_message():
    """CR, LF and CRLF give one key."""
    keys = {accepted(WORKED.replace(b"\r", end)).message_key for end in (b"\r", b"\n", b"\r\n")}
    assert keys == {KEY}


def test_the_clock_changes_nothing_in_an_accepted_message():
    """A later repeat gives the same command and the same bytes."""
    assert translate(WORKED, SETTING, NOW) == translate(WORKED, SETTING, NOW + 40 * 24 * 3600 * 1000)
