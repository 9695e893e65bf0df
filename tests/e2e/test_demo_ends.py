"""`medcredit demo`, ended by Ctrl-C: nothing of it is left."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.processes import port_is_free, tail, wait_until

pytestmark = pytest.mark.timeout(400)


def test_ctrl_c_leaves_no_process_and_no_port(tmp_path: Path):
    """Interrupted when everything is ready: exit 0, and each process it started and each port it named is gone."""
    ready, log = tmp_path / "ready.json", tmp_path / "demo.log"
    tmp_path.chmod(0o711)
    offset = str(10 * random.randrange(100, 2000))
    arguments = ("demo", "--no-browser", "--ready-file", str(ready), "--port-offset", offset)
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", *arguments], stdout=output, stderr=subprocess.STDOUT, env=os.environ
        )
    try:
        wait_until(lambda: ready.exists() or demo.poll() is not None, seconds=240)
        assert ready.exists(), tail(log, 40)
        document = json.loads(ready.read_text())
        family = psutil.Process(demo.pid).children(recursive=True)
        named = {pid for pids in document["pids"].values() for pid in pids}
        assert named <= {child.pid for child in family}
        demo.send_signal(signal.SIGINT)
        assert demo.wait(90) == 0, tail(log, 40)
        _, alive = psutil.wait_procs(family, 5)
        assert alive == []
        for address in document["addresses"].values():
            port = int(address.rpartition("@")[2].rpartition(":")[2].partition("/")[0])
            assert port_is_free(port), address
        assert not Path(document["run_dir"]).exists()
    finally:
        demo.kill()
        demo.wait()
