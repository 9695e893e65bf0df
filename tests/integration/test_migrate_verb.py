"""`medcredit migrate` on a real PostgreSQL: what an operator sees before, between and after the phases."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from hub.cli import migrate

RUNNER = CliRunner()


def run(*arguments: str) -> Result:
    """Run the verb as the command line does."""
    app = typer.Typer()
    app.callback()(lambda: None)
    migrate.register(app)
    return RUNNER.invoke(app, ["migrate", *arguments, "--json"])


@pytest.fixture
def settings_of(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names the test's own database."""
    monkeypatch.setenv("MEDCREDIT_PROFILE", "demo")
    monkeypatch.setenv("MEDCREDIT_POSTGRES__DSN", database)


@pytest.mark.usefixtures("settings_of")
def test_an_operator_sees_and_applies_each_phase():
    """Status is 1 until both phases ran; plan changes nothing; up is idempotent."""
    assert run("status").exit_code == 1
    planned = [line["name"] for line in json.loads(run("plan").stdout)]
    assert planned == [name[5:] for name in json.loads(run("up").stdout)["applied"]]
    assert json.loads(run("up").stdout) == {"applied": []}
    states = json.loads(run("status").stdout)
    assert {line["state"] for line in states if line["phase"] == "pre"} == {"applied"}
    assert {line["state"] for line in states if line["phase"] == "post"} == {"missing"}
    assert run("up", "--post").exit_code == 0
    assert run("status").exit_code == 0


def test_a_server_that_is_away_is_said_so(monkeypatch: pytest.MonkeyPatch):
    """No stack trace of a driver: the error that means try again, exit 69."""
    monkeypatch.setenv("MEDCREDIT_PROFILE", "demo")
    monkeypatch.setenv("MEDCREDIT_POSTGRES__DSN", "postgresql://medcredit@127.0.0.1:9/medcredit")
    error = run("status").exception
    assert getattr(error, "exit_code", None) == 69


def test_a_rebuild_without_a_broker_is_told_to_try_again(monkeypatch: pytest.MonkeyPatch):
    """The books are made from Kafka: one that is away is named, and no consumer is left open."""
    monkeypatch.setenv("MEDCREDIT_PROFILE", "demo")
    monkeypatch.setenv("MEDCREDIT_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    error = run("rebuild").exception
    assert getattr(error, "exit_code", None) == 69
    assert "127.0.0.1:9" in str(error)


@pytest.mark.usefixtures("settings_of")
def test_a_database_that_is_not_there_is_a_wrong_setting(database: str, monkeypatch: pytest.MonkeyPatch):
    """Trying again would not help, so the setting is named, exit 78; the address with its password is not repeated."""
    monkeypatch.setenv("MEDCREDIT_POSTGRES__DSN", f"{database}_of_nobody")
    error = run("status").exception
    assert getattr(error, "exit_code", None) == 78
    assert "MEDCREDIT_POSTGRES__DSN" in str(error)
    assert "_of_nobody" not in str(error)
