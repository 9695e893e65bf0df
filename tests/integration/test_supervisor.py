"""The supervisor with small real processes in place of the roles."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from hub.runtime.supervisor import ChildEnded, ChildPlan, State, Supervisor
from schemas.errors import ConfigurationError, TransportError

ROLE = textwrap.dedent(
    """
    import http.server, os, signal, sys, time
    behaviour = os.environ.get("BEHAVIOUR", "serve")
    if behaviour == "remove the log":
        os.unlink(os.environ["LOG"])
    if behaviour in ("mute", "remove the log"):
        sys.exit(78)
    print("started", sys.argv[1], os.environ["MEDCREDIT_EDGE__SLOT"], flush=True)
    if behaviour.startswith("exit"):
        sys.exit(int(behaviour.split()[1]))
    def stop(*_):
        print("drained", flush=True)
        if behaviour != "stubborn":
            os._exit(0)
    signal.signal(signal.SIGTERM, stop)
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers()
        def log_message(self, *_):
            pass
    if behaviour == "deaf":
        time.sleep(60)
    http.server.HTTPServer(("127.0.0.1", int(os.environ["MEDCREDIT_HEALTH__PORT"])), Ready).serve_forever()
    """
)


class Watched:
    """A supervisor and what it reported."""

    def __init__(self, run_dir: Path, *plans: ChildPlan) -> None:
        script = run_dir / "role.py"
        script.write_text(ROLE)
        self.ended: list[ChildEnded] = []
        self.supervisor = Supervisor(
            plans,
            run_dir=run_dir,
            environment={"COMMON": "1"},
            command=(sys.executable, str(script)),
            on_end=self.ended.append,
        )


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[type[Watched]]:
    """A factory of supervisors that are stopped when the test ends, however it ends."""
    made: list[Watched] = []

    class Kept(Watched):
        def __init__(self, *plans: ChildPlan) -> None:
            super().__init__(tmp_path, *plans)
            made.append(self)

    yield Kept
    for each in made:
        await each.supervisor.stop(2)


async def eventually(condition, seconds: float = 60.0) -> None:
    """Wait until the condition holds; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the end of a process outside announces nothing
            await asyncio.sleep(0.02)


def log_of(watched: Watched, index: int = 0) -> str:
    return watched.supervisor.children[index].log_file.read_text()


async def test_children_start_and_drain(watched) -> None:
    """Two processes of one role get their own slot and health port, are known by id, and end by SIGTERM alone."""
    both = watched(ChildPlan("edge", 0), ChildPlan("edge", 1))
    both.supervisor.start()
    await both.supervisor.wait_ready(60)
    (pids,) = both.supervisor.pids().values()
    assert len(set(pids)) == 2
    await both.supervisor.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert "started edge 1" in log_of(both, 1)
    assert "drained" in log_of(both, 0)
    assert both.ended == []
    assert both.supervisor.pids() == {"edge": []}


async def test_a_killed_child_is_started_again(watched) -> None:
    """After SIGKILL the role is back with another process on the same health port, and the end was reported."""
    one = watched(ChildPlan("streams"))
    one.supervisor.start()
    await one.supervisor.wait_ready(60)
    (child,) = one.supervisor.children
    first = child.send_signal(signal.SIGKILL)
    await eventually(lambda: child.pid not in (None, first))
    await one.supervisor.wait_ready(60)
    assert [(e.exit_code, e.refused) for e in one.ended] == [(-signal.SIGKILL, False)]
    assert child.starts == 2


async def test_a_child_stopped_from_outside_is_started_again(watched) -> None:
    """A clean end nobody asked the supervisor for is an end like any other."""
    one = watched(ChildPlan("streams"))
    one.supervisor.start()
    await one.supervisor.wait_ready(60)
    (child,) = one.supervisor.children
    child.send_signal(signal.SIGTERM)
    await eventually(lambda: child.starts == 2)
    assert one.ended[0].exit_code == 0


async def test_a_failing_child_is_tried_again_with_growing_pauses(watched) -> None:
    """Status 70 restarts at once, then after twice the pause: four starts take the sum of three growing pauses."""
    one = watched(ChildPlan("courier", environment={"BEHAVIOUR": "exit 70"}))
    began = time.monotonic()
    one.supervisor.start()
    await eventually(lambda: len(one.ended) == 4)
    assert time.monotonic() - began >= 1.2  # pauses of 0.2, 0.4 and 0.8 s; without growth they would be 0.6 s
    assert {e.exit_code for e in one.ended} == {70}


async def test_a_child_the_system_cannot_start_is_tried_until_it_can(watched, tmp_path: Path) -> None:
    """Where its log should stand is a file: reported as a failed start, and the child comes when the cause is gone."""
    one = watched(ChildPlan("web"))
    (tmp_path / "logs").write_text("in the way")
    one.supervisor.start()
    await eventually(lambda: len(one.ended) == 2)
    assert {each.exit_code for each in one.ended} == {os.EX_OSERR}
    (tmp_path / "logs").unlink()
    await one.supervisor.wait_ready(60)


async def test_status_78_stays_down_and_is_reported(watched) -> None:
    """A child that asks for a person is not started again; waiting for it fails at once with its log."""
    one = watched(ChildPlan("streams", environment={"BEHAVIOUR": "exit 78"}))
    one.supervisor.start()
    with pytest.raises(ConfigurationError, match="started streams"):
        await one.supervisor.wait_ready(60)
    await asyncio.sleep(0.5)
    (child,) = one.supervisor.refused()
    assert (child.state, child.starts) == (State.REFUSED, 1)
    assert one.ended[0].refused


@pytest.mark.parametrize(("behaviour", "why"), [("mute", "is empty"), ("remove the log", "is gone")])
async def test_a_child_that_says_nothing_is_reported_with_the_reason(
    watched, tmp_path: Path, behaviour: str, why: str
) -> None:
    """Without a last word the report says whether the log is empty or gone, and what took it away."""
    log = str(tmp_path / "logs" / "web-0.log")
    one = watched(ChildPlan("web", environment={"BEHAVIOUR": behaviour, "LOG": log}))
    one.supervisor.start()
    with pytest.raises(ConfigurationError, match=why):
        await one.supervisor.wait_ready(20)
    assert why in one.ended[0].log_tail


async def test_a_child_that_never_answers_is_not_ready(watched) -> None:
    """Waiting ends with an error that names the child and its log."""
    one = watched(ChildPlan("web", environment={"BEHAVIOUR": "deaf"}))
    one.supervisor.start()
    with pytest.raises(TransportError, match="web-0"):
        await one.supervisor.wait_ready(1.0)


async def test_a_child_that_does_not_drain_is_killed(watched) -> None:
    """A process that ignores SIGTERM is gone after the time it was given."""
    one = watched(ChildPlan("web", environment={"BEHAVIOUR": "stubborn"}))
    one.supervisor.start()
    await one.supervisor.wait_ready(60)
    pid = one.supervisor.children[0].pid
    await one.supervisor.stop(0.5)
    assert not psutil.pid_exists(pid)


async def test_one_child_can_be_stopped_and_started_alone(watched) -> None:
    """The others keep their processes."""
    both = watched(ChildPlan("edge"), ChildPlan("streams"))
    both.supervisor.start()
    await both.supervisor.wait_ready(60)
    (edge,) = both.supervisor.pids()["edge"]
    (streams,) = both.supervisor.of_role("streams")
    await streams.stop()
    assert both.supervisor.pids() == {"edge": [edge], "streams": []}
    streams.start()
    await both.supervisor.wait_ready(60)
    assert both.supervisor.pids()["edge"] == [edge]


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the supervising process leaves no child: the kernel tells them."""
    program = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from hub.runtime.supervisor import ChildPlan, Supervisor
        async def main():
            run_dir = Path({str(tmp_path)!r})
            (run_dir / "role.py").write_text({ROLE!r})
            command = (sys.executable, str(run_dir / "role.py"))
            s = Supervisor([ChildPlan("edge")], run_dir=run_dir, environment={{}}, command=command)
            s.start()
            await s.wait_ready(60)
            print(s.children[0].pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        child.wait(10)
    assert not child.is_running()
    assert (tmp_path / "logs" / "edge-0.log").exists()
