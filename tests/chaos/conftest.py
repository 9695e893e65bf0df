"""What the tests of faults in this process share."""

from lanes_world import world

__all__ = ["world"]
