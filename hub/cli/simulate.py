"""`medcredit simulate city`: a whole city in memory from one seed, its invariants checked after every decision."""

import sys
import time
from typing import Annotated

import typer

from hub.cli.output import answer, language, note, say
from hub.cli.verbs import verb
from hub.policies import load_policies
from hub.simulate.seeded import Told, shortened, simulate
from schemas.commands import Struct

_TEXT = {
    "en": {
        "whole": "{commands:,} commands, {timers:,} timers in {people:,} lives · invariants after every one, 0 broken "
        "· state sm3 {sm3}",
        "kinds": "{days:,} city days · {commands} kinds of commands, {events} of events, {timers} of timers",
        "rate": "{rate:,} commands a second of CPU, {decisions:,} with timers · seed {seed}",
        "broken": "BROKEN {fault}",
        "short": "the shortest script that breaks it, {count} of {whole} deeds:",
        "again": "again: {again}",
    },
    "zh": {
        "whole": "命令 {commands:,} 条，定时 {timers:,} 次，居民 {people:,} 人 · 每次决定后逐条检查，0 条不成立 "
        "· 状态 sm3 {sm3}",
        "kinds": "城市时间 {days:,} 天 · 命令 {commands} 种，事件 {events} 种，定时 {timers} 种",
        "rate": "每 CPU 秒 {rate:,} 条命令，含定时 {decisions:,} 次 · 种子 {seed}",
        "broken": "不成立 {fault}",
        "short": "能重现的最短脚本，{whole} 步中的 {count} 步：",
        "again": "重现：{again}",
    },
}


class Step(Struct, frozen=True):
    """One deed of a failing script: when it arrives, and the command."""

    at: int
    account: str
    id: str
    body: str


class SimulateDocument(Struct, frozen=True, omit_defaults=False):
    """`simulate city --json`; `fault` is empty when every invariant held. Counts are by kind."""

    ok: bool
    seed: int
    events: int
    people: int
    commands: int
    timers: int
    days: int
    outcomes: dict[str, int]
    commands_of: dict[str, int]
    events_of: dict[str, int]
    timers_of: dict[str, int]
    state_sm3: str
    commands_per_cpu_second: int
    decisions_per_cpu_second: int
    again: str
    fault: str = ""
    script: tuple[Step, ...] = ()


def register(app: typer.Typer) -> None:
    """Add the verb."""
    simulator = typer.Typer(name="simulate", help="Seeded simulators without a broker.", no_args_is_help=True)
    verb(simulator, "city")(city)
    simulator.callback()(lambda: None)
    app.add_typer(simulator)


def city(
    seed: Annotated[int, typer.Option(help="The same seed gives the same state hash on every run.")] = 1,
    events: Annotated[int, typer.Option(help="Deeds of people, hospitals, insurers and banks.")] = 20_000,
    people: Annotated[int, typer.Option(help="How many people live in the city.")] = 400,
) -> None:
    """Exit 1 with the shortest script that breaks an invariant. Example: medcredit simulate city --seed 42."""
    policies, started = load_policies(), time.process_time()
    told = simulate(seed, events, policies, people)
    seconds = time.process_time() - started
    if told.fault is not None:
        note(f"{told.fault} · {len(told.script)} deeds, made shorter …")
        told = shortened(seed, told, policies)
    document = _document(seed, events, people, told, seconds)
    _say(document, told.of)
    answer(document)
    sys.exit(0 if document.ok else 1)


def _document(seed: int, events: int, people: int, told: Told, seconds: float) -> SimulateDocument:
    steps = told.script if told.fault is not None else ()
    return SimulateDocument(
        told.fault is None,
        seed,
        events,
        people,
        told.commands,
        told.timers,
        told.days,
        told.outcomes,
        told.commands_of,
        told.events_of,
        told.timers_of,
        told.state_sm3,
        round(told.commands / max(seconds, 1e-6)),
        round((told.commands + told.timers) / max(seconds, 1e-6)),
        told.again,
        str(told.fault or ""),
        tuple(Step(d.arrives_at, d.command.account, d.command.id, repr(d.command.body)) for d in steps),
    )


def _say(document: SimulateDocument, whole: int) -> None:
    text = _TEXT[language()]
    if document.ok:
        say(
            text["whole"].format(
                commands=document.commands, timers=document.timers, people=document.people, sm3=document.state_sm3
            )
        )
        kinds = {"commands": document.commands_of, "events": document.events_of, "timers": document.timers_of}
        counts = {name: len(each) for name, each in kinds.items()}
        say(text["kinds"].format(days=document.days, **counts))
        rate, decisions = document.commands_per_cpu_second, document.decisions_per_cpu_second
        say(text["rate"].format(rate=rate, decisions=decisions, seed=document.seed))
        return
    say(text["broken"].format(fault=document.fault))
    say(text["short"].format(count=len(document.script), whole=whole))
    for step in document.script:
        say(f"  {step.at} {step.account[:8]} {step.body}")
    say(text["again"].format(again=document.again))
