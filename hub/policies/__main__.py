"""`python -m hub.policies lock`: add new packs to the hash lock."""

import sys

from hub.policies.policies import write_lock

if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m hub.policies lock")
    sys.stdout.write(f"{write_lock()}\n")
