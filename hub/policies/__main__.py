"""`python -m hub.policies lock [DIRECTORY]`: add new packs, shipped ones or those of a directory, to the hash lock."""

import sys
from pathlib import Path

from hub.policies.loader import PACKS_DIRECTORY
from hub.policies.policies import write_lock

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lock"]:
            sys.stdout.write(f"{write_lock()}\n")
        case ["lock", directory]:
            sys.stdout.write(f"{write_lock(PACKS_DIRECTORY, Path(directory))}\n")
        case _:
            sys.exit("usage: python -m hub.policies lock [DIRECTORY]")
