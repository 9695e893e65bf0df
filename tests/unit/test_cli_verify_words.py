"""`medcredit verify` as people read it: each invariant on a line, in their language, results on stdout."""

import pytest

from hub.cli.output import Language, voice
from hub.cli.verify import _ZH, VerifyDocument, _say
from streams.invariants import NAMES

DOCUMENT: VerifyDocument = {
    "ok": False,
    "deep": True,
    "checks": [
        {"number": 1, "name": NAMES[1], "state": "OK", "checked": 1200, "faulty": 0, "faults": []},
        {"number": 3, "name": NAMES[3], "state": "FAIL", "checked": 7, "faulty": 1, "faults": ["A1: 600 of 500 fen"]},
    ],
    "commands": 10,
    "ledger_records": 12,
    "dead_letters": 1,
    "partitions": [],
}


def test_every_invariant_has_its_chinese_name():
    """The chain of hashes and the invariants of domain 15, no other number."""
    assert set(_ZH) == {0, *NAMES}


@pytest.mark.parametrize(("language", "name"), [("en", "debits = credits"), ("zh", "借方等于贷方")])
def test_each_check_is_a_line_of_the_result(
    language: Language, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """State, number, name and count on stdout; a broken one is followed by what breaks it."""
    monkeypatch.setattr(voice, "language", language)
    monkeypatch.setattr("sys.argv", ["medcredit", "verify"])
    _say(DOCUMENT)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("OK     1 ")
    assert name in told[0]
    assert "1,200" in told[0]
    assert told[1].startswith("FAIL   3 ")
    assert told[2].strip() == "A1: 600 of 500 fen"
    assert (
        told[3]
        == {
            "en": "10 commands, 1 of them no lane could read, 12 ledger records",
            "zh": "命令 10 条，其中无法读取 1 条；账簿记录 12 条",
        }[language]
    )
