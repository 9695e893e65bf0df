"""Ports of the demo: the usual ones where they are free, others where another program has them."""

from typing import NamedTuple

from infra.processes import free_port, port_is_free

USUAL = {"mllp": 2575, "edge": 8780, "web": 8781, "kafka": 9092, "postgres": 5433}
"""What the README names; everything else takes any free port. No two end in the same digit."""
_STEP = 10
_SOURCE_PORTS_FROM = 32_768
"""From here on the kernel takes ports for outgoing connections: a server that was away may find its own taken."""


class MovedPort(NamedTuple):
    """A port that another program has, and the one taken instead (PORT_TAKEN)."""

    name: str
    wanted: int
    port: int


class PortChoice(NamedTuple):
    """The chosen ports by name, and those that had to move."""

    ports: dict[str, int]
    moved: tuple[MovedPort, ...]


def choose_ports(offset: int = 0) -> PortChoice:
    """Return a free port for each name, `offset` (a multiple of 10) above the usual one or the next free ten above.

    Nothing is bound yet, so a later bind may still fail.
    """
    ports, moved = {}, []
    for name, usual in USUAL.items():
        wanted = usual + offset
        ports[name] = _next_free(wanted)
        if ports[name] != wanted:
            moved.append(MovedPort(name, wanted, ports[name]))
    return PortChoice(ports, tuple(moved))


def _next_free(wanted: int) -> int:
    """Return the first free port in steps that cannot meet another name's; any free one when all are taken."""
    tried = range(wanted, _SOURCE_PORTS_FROM, _STEP)
    return next((port for port in tried if port_is_free(port)), 0) or free_port()
