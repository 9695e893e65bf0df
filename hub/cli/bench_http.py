"""The other doors of one edge: FHIR, gateway notices, score pushes, until the books' answer. Figures, no floors.

Lanes and courier run beside it, because each of these answers waits for them; notices name orders nobody handed out, so
that they cost the edge everything and the books one refusal. A score source sends one message after the other.
"""

from typing import Any, Final, NamedTuple

import psutil

from hub.cli.bench_stack import CITY, Found, child, echoing, running
from hub.cli.cpu_costs import seconds_of
from hub.cli.stack import Stack
from hub.runtime.settings import Settings
from hub.runtime.supervisor import Child

_GENERATOR: Final = "hub.simulate.http_load"
_ALONE: Final = 10_000


class Door(NamedTuple):
    """What is sent through one door: a few to warm it, then so many over so many connections."""

    name: str
    kind: str
    messages: int
    connections: int = 32


DOORS: Final = (
    Door("FHIR ChargeItem", "charge-item", 2000),
    Door("FHIR Bundle, 5 ChargeItems", "bundle", 1000),
    Door("Alipay notice", "alipay", 2000),
    Door("UnionPay notice", "unionpay", 2000),
    Door("Egret score, one after the other", "score", 300, connections=1),
)
_VISITS: Final = Door("visits of the persons", "encounter", 500)


async def measure_http() -> Found:
    """As fast as each door answers, and what a message costs the edge."""
    async with running({"edge": 1, "streams": 1, "courier": 1}) as (stack, settings, supervisor):
        found: dict[str, Any] = {"generator_alone": await _generator_limit()}
        (edge,) = supervisor.of_role("edge")
        await _sent(_VISITS, "V", stack, settings)
        for door in DOORS:
            found[door.name] = await _measured(door, edge, stack, settings)
        return found, []


async def _measured(door: Door, edge: Child, stack: Stack, settings: Settings) -> dict[str, Any]:
    if door.connections > 1:  # a score source has one sequence
        await _sent(door._replace(messages=200), "W", stack, settings)
    process = psutil.Process(edge.pid)
    before = seconds_of(process)
    told = await _sent(door, "A", stack, settings)
    spent = seconds_of(process) - before
    return {**told, "edge_cpu_us_per_message": round(spent / door.messages * 1e6, 1)}


async def _sent(door: Door, prefix: str, stack: Stack, settings: Settings) -> dict[str, Any]:
    """Run the generator as its own process and return its document."""
    alipay, unionpay = settings.gateways.alipay, settings.gateways.unionpay
    options = {"edge": f"127.0.0.1:{stack.ports['edge']}", "keys": stack.keys_dir, "at": CITY, "prefix": prefix}
    options |= {"kind": door.kind, "messages": door.messages, "connections": door.connections}
    options |= {"app-id": alipay.merchant, "seller-id": alipay.seller, "merchant": unionpay.merchant}
    return await child(_GENERATOR, *(f"--{name}={value}" for name, value in options.items()))


async def _generator_limit() -> dict[str, Any]:
    """Return what the generator reaches against a server that answers at once and keeps nothing."""
    async with echoing(_GENERATOR) as address:
        return await child(_GENERATOR, f"--edge={address}", f"--messages={_ALONE}")
