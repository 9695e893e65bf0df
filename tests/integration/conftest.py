"""What the integration tests of this directory share."""

from lanes_world import world

__all__ = ["world"]
