"""`medcredit doctor`: one line for each setting and dependency, each with its remedy; changes nothing without --fix."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer

from hub.cli import doctor_checks as checks
from hub.cli.doctor_checks import CheckLine, DoctorAnswer, Patient
from hub.cli.output import answer, language, say, state_word
from hub.cli.verbs import verb
from hub.runtime.settings import read_settings
from schemas.errors import ConfigurationError
from schemas.reasons import reason_text

CheckUp = Callable[[Patient], Awaitable[CheckLine]]
_CHECKS: dict[str, CheckUp] = {
    "kafka": checks.kafka,
    "topics": checks.topics,
    "postgres": checks.postgres,
    "migrations": checks.migrations,
    "keys": checks.keys,
    "sources": checks.sources,
    "packs": checks.packs,
    "alipay": checks.alipay,
    "unionpay": checks.unionpay,
    "codes": checks.codes,
    "clock": checks.clock,
    "edge": checks.edge,
    "web": checks.web,
}
_NAMES = ("settings", *_CHECKS)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "doctor")(doctor)


def doctor(
    only: Annotated[str, typer.Option(help=f"Some of: {', '.join(_NAMES)}; separated by commas.")] = "",
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Create missing topics, apply missing migrations.")] = False,
) -> None:
    """Check settings and dependencies; exit 1 on FAIL. Example: medcredit doctor --only kafka,postgres."""
    chosen = tuple(name.strip() for name in only.split(",")) if only else _NAMES
    if unknown := sorted(set(chosen) - set(_NAMES)):
        raise typer.BadParameter(f"{unknown[0]} is no check: {', '.join(_NAMES)}")
    lines = asyncio.run(_examined(chosen, fix=fix))
    for line in lines:
        say(_text(line))
    ok = not any(line.state == "FAIL" for line in lines)
    answer(DoctorAnswer(ok, lines))
    sys.exit(0 if ok else 1)


async def _examined(chosen: Sequence[str], *, fix: bool) -> tuple[CheckLine, ...]:
    """Ask everything at once; without settings that can be read nothing else can be asked."""
    try:
        settings = read_settings()
    except ConfigurationError as error:
        text = reason_text(error.reason, language(), error.parameters)
        wrong = CheckLine("settings", "FAIL", text, code=error.reason, setting=error.parameters["setting"])
        others = [CheckLine(name, "SKIP", "needs settings that can be read") for name in chosen if name != "settings"]
        return (wrong, *others)
    patient = Patient(settings)
    if fix:
        await checks.repair(patient)
    asked = await asyncio.gather(*(_CHECKS[name](patient) for name in chosen if name in _CHECKS))
    read = CheckLine("settings", "OK", f"profile {settings.profile}, topics {settings.topic_prefix}.*")
    return (*((read,) if "settings" in chosen else ()), *asked)


def _text(line: CheckLine) -> str:
    parts = [f"{state_word(line.state)} {line.name:<11} {line.text}"]
    parts += [part for part in (line.code, line.setting) if part]
    if line.remedy:
        parts.append(f"do: {line.remedy}")
    return "      ".join(parts)
