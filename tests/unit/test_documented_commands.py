"""What README and docs tell a reader to type exists: each verb, each option, each file and link they name."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hub.cli import build
from hub.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
READ = [
    *(ROOT / "README.md", ROOT / "README.zh.md"),
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "cli.md"),
]
"""Pages written by hand; docs/cli.md is generated from the verbs themselves."""


def calls(text: str) -> Iterator[list[str]]:
    """Yield the words of every `medcredit …` line of a code block: what a reader types."""
    for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if call := re.match(r"(?:[A-Z_]+=\S+ )*medcredit (.+)", line):
                yield shlex.split(call[1], comments=True)


def mentions(text: str) -> Iterator[list[str]]:
    """Yield the words of every `medcredit …` in running text: a call, or a verb by its name."""
    for words in re.findall(r"`medcredit ([^`\n…|]+)`", text):
        yield shlex.split(words)


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the first words name, and the words left; fails where there is no such verb."""
    command: Any = typer.main.get_command(build())
    rest = words
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, words
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_every_documented_call_is_one_the_command_line_takes(page: Path):
    """Verb, options and arguments of the code blocks are parsed as the call would parse them; nothing is run."""
    for words in calls(page.read_text("utf-8")):
        command, rest = leaf(words)
        assert not hasattr(command, "commands"), words
        assert command.make_context(words[0], rest).params


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_every_verb_and_option_in_running_text_exists(page: Path):
    """`medcredit verify --deep` names a verb that is there, with an option that it has."""
    for words in mentions(page.read_text("utf-8")):
        command, rest = leaf(words)
        options = {name for each in command.params for name in each.opts}
        assert {word for word in rest if word.startswith("--")} <= options, words


def test_the_pages_hold_calls_to_check():
    """The searches above find something, and as much in one language as in the other."""
    found = {page.name: [len(list(each(page.read_text("utf-8")))) for each in (calls, mentions)] for page in READ}
    assert found["README.md"][1] == found["README.zh.md"][1] >= 4
    assert found["integration.md"] == found["integration.zh.md"]
    assert found["integration.md"][0] >= 7


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_every_link_and_setting_that_a_page_names_is_there(page: Path):
    """Relative links lead to files; `MEDCREDIT_` names are settings or the tests' own."""
    text = page.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = set(re.findall(r"MEDCREDIT_[A-Z]+(?:_[A-Z]+)*", text))
    known = {f"MEDCREDIT_{name.upper()}" for name in Settings.model_fields}
    assert [name for name in sorted(named - known) if not name.startswith("MEDCREDIT_TEST_")] == []


@pytest.mark.parametrize("name", ["README.md", "docs/integration.md"])
def test_both_languages_have_the_same_parts(name: str):
    """As many headings, code blocks, table rows and list items in one as in the other, in the same order."""
    shapes = []
    for file in (name, name.replace(".md", ".zh.md")):
        lines = (ROOT / file).read_text("utf-8").splitlines()
        shapes.append([match[1] for line in lines if (match := re.match(r"(#+ |```|\||- )", line))])
    assert shapes[0] == shapes[1]
