"""The ports a demo takes: the usual ones, the next free tens above, never one the kernel gives to clients."""

import socket

from hub.cli.ports import SHARED, USUAL, chosen_ports

FAR = 21_000
"""An offset where nothing listens."""


def test_the_usual_ports_move_by_the_offset():
    """A second demo beside the first finds its ports where its user said."""
    with chosen_ports(FAR) as chosen:
        assert chosen == ({name: port + FAR for name, port in USUAL.items()}, ())


def test_a_taken_port_moves_to_the_next_ten_above_and_is_named():
    """The wanted port and the one taken instead are told; the other ports stay."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", USUAL["web"] + FAR))
        other.listen()
        with chosen_ports(FAR) as choice:
            pass
    assert choice.ports == {name: port + FAR + (10 if name == "web" else 0) for name, port in USUAL.items()}
    assert choice.moved == (("web", 8781 + FAR, 8791 + FAR),)


def test_two_hubs_that_start_at_once_share_no_port_between_their_processes():
    """Edges share their ports, so a second hub could listen there too, and each would get half of the other's charges.

    What is held keeps it away before anybody listens; the hub's own processes listen there all the same.
    """
    with chosen_ports(FAR) as first, chosen_ports(FAR) as second:
        assert [second.ports[name] - first.ports[name] for name in SHARED] == [10, 10]
        assert {moved.name for moved in second.moved} == set(SHARED)
        with listening(first.ports["mllp"]), listening(first.ports["mllp"]):
            pass


def test_a_port_whose_connections_still_wait_out_their_time_is_held_again():
    """The next hub finds the ports of the one before it: nobody listens there any more."""
    with chosen_ports(FAR) as first:
        port = first.ports["mllp"]
        with listening(port) as edge, socket.create_connection(("127.0.0.1", port)):
            edge.accept()[0].close()
    with chosen_ports(FAR) as second, chosen_ports(FAR) as third:
        assert (second.ports["mllp"], third.ports["mllp"]) == (port, port + 10)


def listening(port: int) -> socket.socket:
    """Return a listener that shares its port, as an edge process does."""
    edge = socket.socket()
    edge.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    edge.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    edge.bind(("127.0.0.1", port))
    edge.listen()
    return edge


def test_no_two_names_can_meet_however_far_they_move():
    """Steps of ten keep the last digit, which no two share."""
    assert len({port % 10 for port in USUAL.values()}) == len(USUAL)
