"""Where an edge says its CPU time goes."""

import json
import subprocess
import sys
from pathlib import Path

from hub.cli.edge_sampling import ELSE, STAGES

_EDGE = """
import asyncio, os, signal, sys, time
from pathlib import Path
import uvloop
from adapters.hl7.translation import translate
from hub.cli.edge_sampling import Samples
from hub.cli.edge_stages import SETTING
from hub.simulate.load import frames

AT = 1_782_867_600_000
PAYLOADS = [each[1:-2] for each in frames(9, 20, 5, AT, "S")]

async def work():
    os.kill(os.getpid(), signal.SIGUSR1)
    until = time.process_time() + 0.5
    while time.process_time() < until:
        await asyncio.sleep(0)
        for payload in PAYLOADS:
            translate(payload, SETTING, AT)
    os.kill(os.getpid(), signal.SIGUSR2)
    await asyncio.sleep(0)

Samples(Path(sys.argv[1]))
uvloop.run(work())
"""


def test_an_edge_counts_what_it_does_with_its_cpu_time(tmp_path: Path):
    """Half a second of CPU time in one stage, on the event loop of the edge: most samples fall there."""
    subprocess.run([sys.executable, "-c", _EDGE, str(tmp_path / "counts.json")], check=True)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert set(counts) <= set(STAGES)
    assert counts["translate"] > 10 * counts.get(ELSE, 0)
