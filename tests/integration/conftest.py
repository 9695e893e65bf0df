"""What the integration tests of this directory share."""

from collections.abc import AsyncIterator

import pytest
from lanes_world import World

from hub.runtime.clock import ManualClock
from hub.runtime.settings import Settings
from schemas.topics import Topics


@pytest.fixture
async def world(settings: Settings, hub_topics: Topics, manual_clock: ManualClock) -> AsyncIterator[World]:
    """The lanes' world on topics of its own."""
    del hub_topics
    made = World(settings, manual_clock)
    await made.start()
    yield made
    await made.stop()
