"""What the demo says on a terminal: both languages hold the same, amounts add up, no line is too wide."""

from pathlib import Path
from string import Formatter

import pytest

from hub.cli.demo_words import TEXTS, charge_line, debit_line, machine, sentence, timed
from hub.cli.output import Language, voice
from hub.cli.ports import MovedPort
from hub.cli.stack import ROLE_PROCESSES
from schemas.commands import Channel
from schemas.events import SOURCES

NARROW = 80
"""Columns of the narrowest terminal in use."""


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Language:
    """Speak to this test in one language."""
    monkeypatch.setattr(voice, "language", request.param)
    return request.param  # type: ignore[no-any-return]


def test_both_languages_have_every_sentence_with_the_same_places():
    """A sentence that lacks in one language, or tells other facts there, would be found by its reader only."""
    places = {tongue: {name: _places(text) for name, text in texts.items()} for tongue, texts in TEXTS.items()}
    assert places["en"] == places["zh"]
    assert {*SOURCES, *Channel.__args__} <= set(TEXTS["en"])


@pytest.mark.usefixtures("language")
def test_the_first_charge_is_told_as_a_sum():
    """The parts that paid nothing are left out; the others add up to the total."""
    line = charge_line("C-7Q300001", dict(zip(SOURCES, (0, 10_000, 0, 5_000, 32_500, 0), strict=True)))
    assert "C-7Q300001 ¥475.00 = " in line
    assert [part.rsplit(" ", 1)[1] for part in line.split(" = ")[1].split(" + ")] == ["100.00", "50.00", "325.00"]


def test_the_first_debit_names_who_paid_it(language: Language):
    """The channel stands in the reader's words."""
    assert {"en": "Alipay", "zh": "支付宝"}[language] in debit_line("D-7Q300001", 810, "alipay")


@pytest.mark.usefixtures("language")
def test_a_moved_port_is_told_with_both_numbers():
    """Who types the usual port reads where it went."""
    told = sentence("port", **MovedPort("web", 8781, 8791)._asdict())
    assert all(part in told for part in ("web", "8781", "8791"))


def test_the_steps_fit_a_narrow_terminal():
    """The line of every step, with its seconds, needs no second row in 80 columns."""
    texts = TEXTS["en"]
    lines = [
        texts["hub"].format(roles=", ".join(sorted(ROLE_PROCESSES))),
        texts["city"].format(seconds=36.0),
        texts["charge"].format(number="C-7Q300001", total="475.00", parts="prepayment 50.00 + credit 325.00"),
        *(texts[name] for name in ("stores", "still", "stopping", "stopped")),
    ]
    assert [line for line in lines if len(timed(line, 100.0)) > NARROW] == []


@pytest.mark.usefixtures("language")
def test_the_machine_says_what_it_has(tmp_path: Path):
    """Cores, memory and disk are this machine's own figures."""
    first = machine(tmp_path)[0]
    assert first.startswith(("OK   ", "WARN "))
    assert first.count("GB") == 2


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
