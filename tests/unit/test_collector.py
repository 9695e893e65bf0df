"""The collector of a role that answers."""

import json
import subprocess
import sys

_ASKED = """
import gc, json
import hub.roles.edge
from hub.runtime.collector import collect_rarely
loaded = len(gc.get_objects())
collect_rarely()
print(json.dumps([loaded, len(gc.get_objects()), gc.get_threshold()]))
"""


def test_what_was_loaded_at_start_is_left_out_of_every_later_collection():
    """A full collection of the edge went through everything it had imported, and every sender waited."""
    told = subprocess.run([sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True).stdout
    loaded, left, thresholds = json.loads(told)
    assert loaded > 50_000
    assert left < loaded / 100
    assert thresholds[0] > 10_000
