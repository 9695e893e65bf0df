"""Ports of the demo: the usual ones where they are free, others where another program has them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from infra.errors import StartError
from infra.processes import free_port, hold_port, port_is_free

USUAL = {"mllp": 2575, "edge": 8780, "web": 8781, "kafka": 9092, "postgres": 5433}
"""What the README names; everything else takes any free port. No two end in the same digit."""
SHARED: Final = ("mllp", "edge")
"""On these several processes listen."""
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


@contextmanager
def chosen_ports(offset: int = 0) -> Iterator[PortChoice]:
    """Yield a free port for each name, `offset` (a multiple of 10) above the usual one or the next free ten above.

    Those that the edge processes share are held until the end: another hub that starts meanwhile takes others. The rest
    is not bound yet, so a later bind may still fail.
    """
    ports, moved = {}, []
    with ExitStack() as held:
        for name, usual in USUAL.items():
            wanted = usual + offset
            ports[name] = _next_held(wanted, held) if name in SHARED else _next_free(wanted)
            if ports[name] != wanted:
                moved.append(MovedPort(name, wanted, ports[name]))
        yield PortChoice(ports, tuple(moved))


def _next_free(wanted: int) -> int:
    """Return the first free port in steps that cannot meet another name's; any free one when all are taken."""
    return next((port for port in _steps(wanted) if port_is_free(port)), 0) or free_port()


def _next_held(wanted: int, until: ExitStack) -> int:
    """Return the first free port and hold it. Raises StartError when all are taken."""
    for port in _steps(wanted):
        held = hold_port(port)
        if held is not None:
            until.enter_context(held)
            return port
    raise StartError(f"no port is free from {wanted} on in steps of {_STEP}")


def _steps(wanted: int) -> range:
    return range(wanted, _SOURCE_PORTS_FROM, _STEP)
