"""Every verb: help with an example, exit codes, one schema-valid document under --json, also when it fails."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from cli_world import Called, call

from hub.cli import VERBS, build
from hub.cli.documents import DOCUMENTS, schema_files
from hub.cli.manual import MANUAL, manual

Cli = Callable[..., Called]
NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Calls the command line in this process, as a machine without any setting."""
    monkeypatch.setenv("LANG", "C.UTF-8")
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture
def source(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a new source, whose profile this machine uses."""
    assert cli("hl7", "source", "add", "HIS@XMNEW", "--dir", str(tmp_path)).status == 0
    monkeypatch.setenv("MEDCREDIT_INSTITUTIONS_DIR", str(tmp_path))
    return tmp_path


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every verb with its words."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def test_every_verb_has_help_with_an_example_of_itself():
    """The text of --help holds `Example: medcredit` and the verb's own words."""
    for path, command in leaves(typer.main.get_command(build())):
        words = " ".join(path)
        assert f"Example: medcredit {words}" in " ".join((command.help or "").split()), words


def test_every_verb_takes_the_common_options():
    """--json, --quiet, --lang, --no-color and --yes are options of every verb."""
    for path, command in leaves(typer.main.get_command(build())):
        options = {name for each in command.params for name in each.opts}
        assert {"--json", "--quiet", "--lang", "--no-color", "--yes"} <= options, path


def test_the_list_of_verbs_says_each_sentence_to_its_end(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """In 80 columns no verb's sentence is cut off."""
    monkeypatch.setenv("COLUMNS", "80")
    called = cli("--help")
    assert "simulate" in called.out
    assert "..." not in called.out.partition("Commands:")[2]


def test_help_is_shown_for_each_verb(cli: Cli):
    """`medcredit VERB --help` ends with 0 and shows its usage."""
    for verb in VERBS:
        called = cli(verb, "--help")
        assert called.status == 0
        assert "Usage:" in called.out, verb


def test_generated_schemas_and_manual_are_current():
    """What is checked in is what the code would write: `medcredit schema write` after a change."""
    stale = [path.name for path, text in schema_files().items() if not path.exists() or path.read_text("utf-8") != text]
    assert not stale
    assert MANUAL.read_text("utf-8") == manual()


def test_every_checked_in_schema_is_a_schema():
    """Each document's schema is itself valid."""
    for path in schema_files():
        jsonschema.validators.Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))
    assert {"problem", "doctor", "dlq-replay"} <= set(DOCUMENTS)


@pytest.mark.parametrize(
    ("status", "code", "arguments"),
    [
        (2, "USAGE", ("find",)),
        (2, "USAGE", ("doctor", "--only", "nothing")),
        (2, "USAGE", ("run", "nobody")),
        (2, "USAGE", ("verify", "--only", "99")),
        (2, "USAGE", ("verify", "--only", "1,,3")),
        (2, "USAGE", ("explain", "poem", "C-00000000", "--url", NOBODY)),
        (2, "USAGE", ("callback", "forge", "alipay", "--case", "none", "--order", "x", "-o", "n.form")),
        (4, "NOT_FOUND", ("hl7", "lint", "/nowhere/dft.hl7")),
        (4, "NOT_FOUND", ("callback", "send", "/nowhere/n.form")),
        (69, "DEPENDENCY_UNREACHABLE", ("find", "F0001", "--url", NOBODY)),
        (69, "DEPENDENCY_UNREACHABLE", ("explain", "charge", "C-00000000", "--url", NOBODY)),
        (69, "DEPENDENCY_UNREACHABLE", ("dlq", "list", "--url", NOBODY)),
        (69, "DEPENDENCY_UNREACHABLE", ("dlq", "show", "DL-12345678", "--url", NOBODY)),
        (78, "SETTING_INVALID", ("topics", "list")),
        (78, "SETTING_INVALID", ("tail",)),
        (78, "SETTING_INVALID", ("run", "streams")),
        (78, "SETTING_INVALID", ("verify", "--only", "1,3")),
        (78, "SETTING_INVALID", ("dlq", "replay", "DL-12345678")),
        (78, "SETTING_INVALID", ("dlq", "drop", "DL-12345678", "--reason", "a test")),
    ],
)
def test_a_failure_has_its_exit_code_and_one_problem_document(
    cli: Cli, status: int, code: str, arguments: tuple[str, ...]
):
    """Under --json stdout holds the problem and nothing else; the code is on stderr too."""
    called = cli(*arguments, "--json")
    assert called.status == status
    problem = called.valid("problem")
    assert (problem["code"], problem["exit_code"]) == (code, status)
    assert f"error {code}:" in called.err


def test_the_generated_files_are_checked_in_words_and_as_a_document(cli: Cli):
    """`schema check` says on stdout how many files it compared, under --json as its document."""
    assert "OK" in cli("schema", "check").out
    assert cli("schema", "check", "--json").valid("schema-check")["ok"] is True


def test_a_failure_without_json_leaves_stdout_empty_and_says_what_to_do(cli: Cli):
    """Data is on stdout, so a failure prints none; stderr has the code and the remedy."""
    called = cli("find", "F0001", "--url", NOBODY)
    assert called.out == ""
    assert "error DEPENDENCY_UNREACHABLE:" in called.err
    assert "do: " in called.err


def test_lang_decides_the_language_of_a_refusal(cli: Cli):
    """The same failure is told in Chinese under --lang zh, with the same code."""
    called = cli("find", "F0001", "--url", NOBODY, "--lang", "zh")
    assert "error DEPENDENCY_UNREACHABLE:" in called.err
    assert "无响应" in called.err


def test_doctor_says_that_nothing_else_can_be_asked_without_settings(cli: Cli):
    """In production without a city key: FAIL with the setting's name, the rest SKIP, exit 1."""
    called = cli("doctor", "--json")
    assert called.status == 1
    checks = {each["name"]: each for each in called.valid("doctor")["checks"]}
    assert checks["settings"]["state"] == "FAIL"
    assert "MEDCREDIT_CITY_KEY" in checks["settings"]["text"]
    assert {each["state"] for name, each in checks.items() if name != "settings"} == {"SKIP"}


def test_a_new_source_gets_a_profile_and_twelve_messages(cli: Cli, tmp_path: Path):
    """The answer names the files and addresses; a profile that stands there is kept."""
    added = cli("hl7", "source", "add", "HIS@XMNEW", "--dir", str(tmp_path), "--json").valid("hl7-source-add")
    assert len(added["samples"]) == 12
    profile = Path(added["profile"])
    profile.write_text(profile.read_text("utf-8") + "# corrected\n", "utf-8")
    assert cli("hl7", "source", "add", "HIS@XMNEW", "--dir", str(tmp_path)).status == 0
    assert profile.read_text("utf-8").endswith("# corrected\n")
    assert cli("hl7", "source", "add", "no sender", "--dir", str(tmp_path)).status == 2


def test_lint_accepts_seven_samples_and_refuses_five_each_for_its_reason(cli: Cli, source: Path):
    """Exit 1 for the directory; the refused ones are the five bad ones, found in position and code."""
    called = cli("hl7", "lint", str(source / "samples"), "--json")
    assert called.status == 1
    messages = called.valid("hl7-lint")["messages"]
    refused = {Path(each["file"]).stem: each["report"]["findings"][0]["code"] for each in messages if not each["clean"]}
    assert refused == {
        "08-bad-amount-mismatch": "AMOUNT_MISMATCH",
        "09-bad-amount-syntax": "AMOUNT_SYNTAX",
        "10-bad-kind": "KIND_UNKNOWN",
        "11-bad-visit-missing": "VISIT_MISSING",
        "12-bad-type": "TYPE_UNSUPPORTED",
    }


def test_lint_of_a_clean_file_ends_with_0(cli: Cli, source: Path):
    """One accepted message: exit 0, its line says AA."""
    called = cli("hl7", "lint", str(source / "samples" / "02-charge.hl7"))
    assert called.status == 0
    assert "AA  accepted" in called.out


def test_lint_refuses_another_sender_than_the_one_named(cli: Cli, source: Path):
    """--source HIS@XMZSH: a message of HIS@XMNEW is SENDER_MISMATCH."""
    called = cli("hl7", "lint", str(source / "samples" / "02-charge.hl7"), "--source", "HIS@XMZSH", "--json")
    assert called.status == 1
    assert called.document["messages"][0]["report"]["findings"][0]["code"] == "SENDER_MISMATCH"


def test_ack_explains_an_acknowledgement_and_refuses_another_message(cli: Cli, source: Path, tmp_path: Path):
    """HUB_BUSY says resend; a DFT is no acknowledgement: exit 1."""
    reply = tmp_path / "reply.hl7"
    reply.write_bytes(
        b"MSH|^~\\&|XMHUB|XM|HIS|XMNEW|20260703||ACK^P03|A1|P|2.5.1\rMSA|AR|Z1\rERR||MSH^1|207|E|HUB_BUSY||busy|busy\r"
    )
    explained = cli("hl7", "ack", str(reply), "--json").valid("hl7-ack")
    assert (explained["code"], explained["control_id"], explained["resend"]) == ("AR", "Z1", True)
    assert cli("hl7", "ack", str(source / "samples" / "02-charge.hl7")).status == 1


def test_sending_where_nobody_listens_ends_with_69(cli: Cli, source: Path):
    """Nothing was sent, and the text says so."""
    called = cli("hl7", "send", str(source / "samples" / "02-charge.hl7"), "--to", "127.0.0.1:9", "--json")
    assert called.status == 69
    assert "nothing was sent" in called.valid("problem")["detail"]


def test_callback_cases_lists_both_channels(cli: Cli):
    """Every case has the status it must get."""
    rows = cli("callback", "cases", "--json").valid("callback-cases")["cases"]
    assert {each["channel"] for each in rows} == {"alipay", "unionpay"}
    assert all(each["status"] in (200, 400, 403, 409, 413, 415, 503) for each in rows)
