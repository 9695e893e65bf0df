"""What the verbs print fits a terminal of 80 columns, in both languages, and stays whole for a program."""

import os
import pty
from datetime import date

import pytest
from cli_world import call

from hub.cli import output
from hub.cli.desk import letter_lines
from hub.cli.layout import fitted, in_columns, width_of
from hub.web.answers import DeadLetterSummary, Text
from schemas.city_time import day_start

COLUMNS = 80
_DAY = date(2026, 7, 3)
ENGLISH = "privileges   " + " · ".join(["Dedicated booking channel: Egret ≥ 650"] * 9)
CHINESE = "privileges   " + "，".join(["专属预约通道：白鹭分不低于 650（连续 6 个月按时）"] * 9) + "。"


@pytest.mark.parametrize("line", [ENGLISH, CHINESE])
def test_a_long_line_is_broken_between_words_and_goes_on_below_its_first_text(line: str):
    """No line is wider than the terminal, nothing is lost, and the first column stays free."""
    lines = list(fitted(line, COLUMNS))
    assert len(lines) > 2
    assert max(map(width_of, lines)) <= COLUMNS
    assert all(each.startswith(" " * 13) and each[13] != " " for each in lines[1:])
    assert "".join("".join(lines).split()) == "".join(line.split())


def test_no_line_begins_with_the_mark_that_closes_the_one_before():
    """Chinese punctuation stays with the character it closes."""
    assert not any(each.strip()[0] in "，。；：、）" for width in range(30, 60) for each in fitted(CHINESE, width))


def test_a_file_or_a_pipe_gets_whole_lines_and_a_command_is_never_broken():
    """Programs read lines; people copy commands."""
    assert list(fitted(ENGLISH, None)) == [ENGLISH]
    command = f"do: medcredit hl7 send {'x' * 90} --to 127.0.0.1:2575"
    assert list(fitted(command, COLUMNS)) == [command]


def test_columns_stand_below_each_other_whatever_the_language():
    """A Chinese character takes two columns; a column in which nothing stands takes none."""
    lines = list(in_columns([("费用", "", "C-1"), ("bill", "", "B-1"), ("x", "", "D-1")]))
    assert lines == ["费用  C-1", "bill  B-1", "x     D-1"]
    assert list(in_columns([])) == []


@pytest.mark.parametrize("position", ["FT1^1^11", ""])
def test_the_list_of_dead_letters_fits_eighty_columns(position: str):
    """The letters of a hospital and of a kiosk, with their codes in full, need no second line."""
    letters = [_letter(code, position) for code in ("AMOUNT_MISMATCH", "PREPAYMENT_EXCEEDS", "SAME_PERSON")]
    lines = list(letter_lines(letters))
    assert max(map(width_of, lines)) <= COLUMNS
    assert all(each.reason.code in line and each.source in line for each, line in zip(letters, lines, strict=True))
    assert "07-03 10:15 +08" in lines[0]
    assert lines[0].endswith("×2") == bool(position)
    assert next(letter_lines(letters, everything=True)).endswith("open")


def test_on_a_terminal_the_differences_of_two_packs_fit_it(monkeypatch: pytest.MonkeyPatch, capsys):
    """`policy diff` puts what is long below each other, marked as a difference, and repeats nothing."""
    shown = call(monkeypatch, capsys, "policy", "diff", "xiamen-city-2023", "xiamen-platform-2024")
    lines = shown.out.splitlines()
    assert "  + Express dispensing: Egret ≥ 650" in lines
    assert lines[lines.index("tiers") + 1 :][:5] == [
        "  − Egret ≤ 500: ¥500",
        "  − Egret 501–600: ¥1,000",
        "  − Egret 601–650: ¥3,000",
        "  − Egret ≥ 651: the bank's offer, at least ¥3,000",
        "  + Egret ≥ 650: ¥5,000",
    ]
    assert "Express registration window" in shown.out
    assert shown.out.count("second channel, then family, then bank line") == 1


def test_what_is_said_to_a_terminal_is_as_wide_as_it(monkeypatch: pytest.MonkeyPatch):
    """`say` asks the terminal it writes to; a message's own columns are left as they are."""
    monkeypatch.setenv("COLUMNS", "40")
    controller, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        output.say("one two three four five six seven eight nine ten")
        output.say_as_it_is("FT1|1|F0001|" + "x" * 40)
        stdout.flush()
        told = b""
        while told.count(b"\n") < 3:  # a terminal hands over what it has, not what was written together
            told += os.read(controller, 4096)
    os.close(controller)
    lines = told.decode().split("\r\n")
    assert lines == ["one two three four five six seven eight", "  nine ten", f"FT1|1|F0001|{'x' * 40}", ""]


def _letter(code: str, position: str) -> DeadLetterSummary:
    at = day_start(_DAY) + (10 * 60 + 15) * 60_000
    source = "HIS@XMDYY" if position else "KIOSK@XM"
    interface = "hl7" if position else "quarantine.charge"
    return DeadLetterSummary(
        "7c41ab02" * 4, at, at, interface, source, "XMDYY", Text(code, "x", "x"), position, 2 if position else 1, "open"
    )
