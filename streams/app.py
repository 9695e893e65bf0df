"""The Faust app that hosts the account processor: no agents, no tables, no web server of its own (architecture 4)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faust

from streams.lanes.processor import AccountProcessor


class _ProcessorOnly(faust.App.BootStrategy):  # type: ignore[misc] # faust comes without types
    """Starts the processor and nothing of Faust's own: its producer, consumer and tables have no part in money."""

    def producer_only(self) -> Iterable[Any]:
        """Return the one service of this worker; Faust asks this for an app without topics."""
        return (self.app.processor,)


class LanesApp(faust.App):  # type: ignore[misc] # faust comes without types
    """A Faust app without topics, hence producer-only; its one service is the account processor."""

    BootStrategy = _ProcessorOnly
    processor: AccountProcessor


def lanes_app(processor: AccountProcessor, folder: Path) -> LanesApp:
    """Return the app; `folder` is Faust's own, nothing in it needs to survive."""
    settings = processor.settings
    app = LanesApp(
        f"{settings.group}.host",
        broker="kafka://" + settings.kafka.bootstrap.replace(",", ";kafka://"),
        store="memory://",
        datadir=str(folder),
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        web_bind="127.0.0.1",
        web_tables_enabled=False,
        web_router_enabled=False,
    )
    app.producer_only = True  # without topics a consumer crashes its conductor (kernel.md 7.11)
    app.processor = processor
    processor.beacon.reattach(app.beacon)
    return app
