"""The ports a demo takes: the usual ones, the next free tens above, never one the kernel gives to clients."""

import socket

from hub.cli.ports import USUAL, choose_ports

FAR = 21_000
"""An offset where nothing listens."""


def test_the_usual_ports_move_by_the_offset():
    """A second demo beside the first finds its ports where its user said."""
    assert choose_ports(FAR) == ({name: port + FAR for name, port in USUAL.items()}, ())


def test_a_taken_port_moves_to_the_next_ten_above_and_is_named():
    """The wanted port and the one taken instead are told; the other ports stay."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", USUAL["web"] + FAR))
        other.listen()
        choice = choose_ports(FAR)
    assert choice.ports == {name: port + FAR + (10 if name == "web" else 0) for name, port in USUAL.items()}
    assert choice.moved == (("web", 8781 + FAR, 8791 + FAR),)


def test_no_two_names_can_meet_however_far_they_move():
    """Steps of ten keep the last digit, which no two share."""
    assert len({port % 10 for port in USUAL.values()}) == len(USUAL)
