"""`medcredit simulate city`: a whole city in memory from one seed, its invariants checked after every decision."""

import sys
import time
from typing import Annotated

import typer

from hub.cli.output import JSON_OPTION, answer, language, note, say
from hub.policies import load_policies
from hub.simulate.seeded.city import Told, shortened, simulate
from schemas.commands import Struct

_TEXT = {
    "en": {
        "whole": "{commands:,} commands, {timers:,} timers in {people:,} lives · invariants after every one, 0 broken "
        "· state sm3 {sm3}",
        "rate": "{rate:,} commands a second of CPU · seed {seed}",
        "broken": "BROKEN {fault}",
        "short": "the shortest script that breaks it, {count} of {whole} deeds:",
        "again": "again: medcredit simulate city --seed {seed} --events {events} --people {people}",
    },
    "zh": {
        "whole": "命令 {commands:,} 条,定时 {timers:,} 次,居民 {people:,} 人 · 每次决定后逐条检查,0 条不成立 "
        "· 状态 sm3 {sm3}",
        "rate": "每 CPU 秒 {rate:,} 条命令 · 种子 {seed}",
        "broken": "不成立 {fault}",
        "short": "能重现的最短脚本,{whole} 步中的 {count} 步:",
        "again": "重现:medcredit simulate city --seed {seed} --events {events} --people {people}",
    },
}


class Step(Struct, frozen=True):
    """One deed of a failing script: when it arrives, and the command."""

    at: int
    account: str
    id: str
    body: str


class SimulateDocument(Struct, frozen=True, omit_defaults=False):
    """`simulate city --json`; `fault` is empty when every invariant held."""

    ok: bool
    seed: int
    events: int
    people: int
    commands: int
    timers: int
    outcomes: dict[str, int]
    state_sm3: str
    commands_per_cpu_second: int
    fault: str = ""
    script: tuple[Step, ...] = ()


def register(app: typer.Typer) -> None:
    """Add the verb."""
    simulator = typer.Typer(name="simulate", help="Seeded simulators without a broker.", no_args_is_help=True)
    simulator.command("city")(city)
    simulator.callback()(lambda: None)
    app.add_typer(simulator)


def city(
    seed: Annotated[int, typer.Option(help="The same seed gives the same state hash on every run.")] = 1,
    events: Annotated[int, typer.Option(help="Deeds of people, hospitals, insurers and banks.")] = 20_000,
    people: Annotated[int, typer.Option(help="How many people live in the city.")] = 400,
    *,
    json_output: Annotated[bool, JSON_OPTION] = False,
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
    if json_output:
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
        dict(told.outcomes.most_common()),
        told.state_sm3,
        round(told.commands / max(seconds, 1e-6)),
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
        say(text["rate"].format(rate=document.commands_per_cpu_second, seed=document.seed))
        return
    say(text["broken"].format(fault=document.fault))
    say(text["short"].format(count=len(document.script), whole=whole))
    for step in document.script:
        say(f"  {step.at} {step.account[:8]} {step.body}")
    say(text["again"].format(seed=document.seed, events=document.events, people=document.people))
