"""What a command costs a lane by stage, without a broker: `python tests/benchmarks/lane_cost.py [LINES] [SECONDS]`.

For comparing two programs on a shared machine: run it in turn in both trees (`PYTHONPATH=. python …`) and compare the
least of several runs. `medcredit bench lanes` shows the same stages beside the rate of a real process.
"""

import json
import sys

from hub.cli.bench_stack import CITY
from hub.cli.lane_stages import LaneStages

if __name__ == "__main__":
    lines, seconds = (int(given) for given in (*sys.argv[1:], *("1", "10")[len(sys.argv) - 1 :]))
    sys.stdout.write(json.dumps(LaneStages(lines, CITY).costs(seconds)) + "\n")
