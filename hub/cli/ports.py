"""Ports of the demo: the usual ones where they are free, others where another program has them."""

from typing import NamedTuple

from infra.processes import free_port, port_is_free

USUAL = {"mllp": 2575, "edge": 8780, "web": 8781, "kafka": 9092, "postgres": 5433}
"""What the README names; everything else takes any free port."""


class PortChoice(NamedTuple):
    """The chosen ports by name, and a sentence for each that had to move (PORT_TAKEN)."""

    ports: dict[str, int]
    moved: tuple[str, ...]


def choose_ports() -> PortChoice:
    """Return a free port for each name; nothing is bound yet, so a later bind may still fail."""
    ports, moved = {}, []
    for name, usual in USUAL.items():
        if port_is_free(usual):
            ports[name] = usual
            continue
        ports[name] = free_port()
        moved.append(f"Port {usual} is used by another program; {name} is at {ports[name]}.")
    return PortChoice(ports, tuple(moved))
