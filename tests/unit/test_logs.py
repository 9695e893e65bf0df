"""Logs: what is written, what cannot leak, what is shortened."""

import json
import logging
import subprocess
import sys

from hub.runtime.logs import RepeatFilter, keep_allowed_keys


def lines_of(program: str) -> list[dict[str, object]]:
    """Run a program that logs in a process of its own and return its lines, decoded."""
    text = "from hub.runtime.logs import *\nimport logging\nconfigure_logging('edge')\n" + program
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_is_an_event_with_named_values() -> None:
    """Event, level, role, time and what was given."""
    (line,) = lines_of("get_logger('edge').info('message_accepted', source='HIS@A', bytes=836)")
    assert line.pop("timestamp")
    assert line == {"event": "message_accepted", "level": "info", "role": "edge", "source": "HIS@A", "bytes": 836}


def test_a_key_that_is_not_allowed_is_dropped_with_its_value() -> None:
    """A name or id number given by mistake does not reach the log; the key's name does, so that it is found."""
    (line,) = lines_of("get_logger('edge').info('x', patient_name='LIN LAN', id_number='350203', source='A')")
    assert line["dropped"] == ["id_number", "patient_name"]
    assert "LIN LAN" not in json.dumps(line)
    assert line["source"] == "A"


def test_an_exception_is_written_on_one_line() -> None:
    """The traceback is a value of the event, so a line stays a line."""
    (line,) = lines_of(
        "try:\n  1 / 0\nexcept ZeroDivisionError:\n  get_logger('lane').exception('lane_failed', partition=3)"
    )
    assert "ZeroDivisionError" in line["exception"]
    assert line["partition"] == 3


def test_libraries_log_warnings_in_the_same_form() -> None:
    """A warning of a library is a line like ours with its logger's name; its information is left out."""
    (line,) = lines_of(
        "logging.getLogger('aiokafka').info('a')\nlogging.getLogger('aiokafka').warning('gone %s', 'away')"
    )
    assert (line["event"], line["logger"], line["level"]) == ("gone away", "aiokafka", "warning")


def test_a_library_that_repeats_itself_is_cut_short() -> None:
    """One of many equal messages passes five times in ten seconds; ours always pass."""
    repeat = RepeatFilter()

    def passed(name: str) -> int:
        records = [logging.LogRecord(name, 30, "", 0, "node %s away", (n,), None) for n in range(50)]
        return sum(repeat.filter(record) for record in records)

    assert passed("aiokafka.conn") == 5
    assert passed("medcredit.lane") == 50


def test_an_allowed_event_is_passed_as_it_is() -> None:
    """Nothing is copied or marked when there is nothing to drop."""
    event = {"event": "x", "topic": "t"}
    assert keep_allowed_keys(None, "info", event) is event


def test_messages_that_are_all_different_do_not_fill_the_memory() -> None:
    """A library that writes a number into each of its messages is passed on, and what is remembered stays bounded."""
    repeat = RepeatFilter()
    records = (logging.LogRecord("asyncio", 30, "", 0, f"task {n} was never retrieved", (), None) for n in range(5_000))
    assert all(repeat.filter(record) for record in records)
    assert len(repeat._seen) <= 1_000


_DEFECT = """
import asyncio, aiohttp
from aiohttp import web
from hub.roles.http_listener import HttpListener, guard

async def broken(request):
    raise UnicodeDecodeError("utf-8", b"name=LIN LAN", 5, 6, "a defect")

async def main():
    app = web.Application(middlewares=[guard])
    app.router.add_get("/", broken)
    listener = HttpListener(app)
    host, port = await listener.serve("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/") as answer:
        assert answer.status == 500
    await listener.close()

asyncio.run(main())
"""


def test_a_handlers_defect_is_found_by_its_place_and_tells_nobodys_bytes() -> None:
    """The traceback stands in the line; what a codec's error holds of the request does not."""
    (line,) = lines_of(_DEFECT)
    assert line["event"] == "edge_defect"
    assert "in broken" in str(line["exception"])
    assert "LIN LAN" not in json.dumps(line)
