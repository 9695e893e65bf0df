"""What a message costs each process of a bench, in µs of CPU time: where a rate ends on a machine of so many cores."""

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import psutil


def seconds_of(process: psutil.Process) -> float:
    """Return the CPU seconds one process used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def cpu_seconds(roles: Mapping[str, list[int]]) -> dict[str, float]:
    """Return the CPU seconds used so far by each role, by the broker, the database, and by children that ended.

    `roles` names the processes of the hub; a load generator counts once it was waited for.
    """
    named = {pid: role for role, pids in roles.items() for pid in pids}
    spent: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent[named.get(process.pid) or _store(process)] += seconds_of(process)
    ended = os.times()
    spent["generator"] = ended.children_user + ended.children_system
    return spent


def cost_per_message(before: Mapping[str, float], after: Mapping[str, float], messages: int) -> dict[str, float]:
    """Return µs of CPU for each message by process, dearest first, and `in all`."""
    costs = {name: (after[name] - before.get(name, 0.0)) / messages * 1e6 for name in after}
    dearest = sorted(costs.items(), key=lambda each: -each[1])
    return {name: round(cost, 1) for name, cost in (*dearest, ("in all", sum(costs.values()))) if round(cost, 1)}


def _store(process: psutil.Process) -> str:
    """Return `kafka`, `postgres` or `other` for a process that is none of the hub's roles."""
    name = process.name()
    return {"java": "kafka", "postgres": "postgres"}.get(name, "other")
