"""Judges a demo that runs: `python tests/chaos/look.py READY_FILE SENT_LOG`; prints the summary and all complaints."""

import asyncio
import json
import sys
from pathlib import Path

from collecting import gather, missing, read_clock
from oracle import complaints, summary


def main(ready_file: str, sent_log: str) -> int:
    """Return 0 when there is no complaint."""
    ready = json.loads(Path(ready_file).read_text())
    clock = read_clock(Path(ready["run_dir"]) / "clock.json")
    evidence = asyncio.run(gather(ready["addresses"], Path(sent_log), clock))
    found = complaints(evidence)
    sys.stdout.write(
        "\n".join([str(summary(evidence)), *(f"still {each}" for each in missing(evidence)), *found]) + "\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
