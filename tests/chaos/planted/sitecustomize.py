"""Plants one named fault into the role that starts with this directory on its path (`MEDCREDIT_TEST_PLANT`).

Python imports this module by itself at its start. It changes one function of the product right after its module is
loaded, so that the whole hub runs with the fault as real processes; only tests set the path.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

PLANT = os.environ.get("MEDCREDIT_TEST_PLANT", "")


def watermark_lost(module: ModuleType) -> None:
    """The watermark is not written; a lane that opens again finds its offset without one."""
    records = module.Batch.account_records
    module.Batch.account_records = lambda batch: [each for each in records(batch) if not each[0].startswith(b"\x00")]


def send_not_awaited(module: ModuleType) -> None:
    """Batches are sent and not waited for; each fifteenth of the ledger is one that failed."""
    ledgers = 0

    async def deliver(outbox: Any) -> None:
        nonlocal ledgers
        for topic, batch in outbox._batches:
            ledgers += ".ledger." in topic
            if ".ledger." in topic and ledgers % 15 == 0:
                continue
            await outbox._producer.send_batch(batch, topic, partition=outbox._partition)

    module.Outbox.deliver = deliver


def timer_fired_twice(module: ModuleType) -> None:
    """What a timer changed is not written: after a restart it is armed and fires again."""
    records = module.Batch.account_records
    module.Batch.account_records = lambda batch: records(batch)[-1:] if batch.timers else records(batch)


def timer_lost_on_restore(module: ModuleType) -> None:
    """The heap of due times is not built again when a lane opens."""
    book = module.Opening._book

    def without_due(opening: Any, accounts: Any, mark: Any) -> Any:
        built = book(opening, accounts, mark)
        built.due = type(built.due)()
        return built

    module.Opening._book = without_due


def new_number_on_unknown(module: ModuleType) -> None:
    """An unknown result frees the order number at once: the next attempt leaves under a new one."""

    def plan_query(draft: Any, debit: Any, gateway_code: str) -> None:
        module.fail_debit(draft, debit, "nsf", gateway_code, freed=True)

    module.plan_query = plan_query


def projector_off_by_one(module: ModuleType) -> None:
    """The projector keeps a position one short of what it has read; one further would only skip a commit's marker."""
    take = module.take

    def short(*arguments: Any, **named: Any) -> Any:
        batch = take(*arguments, **named)
        batch.advances = [
            type(step)(step.place, step.expected, type(step.to)(step.to.next - 1, step.to.chain_head))
            for step in batch.advances
        ]
        return batch

    module.take = short


PLANTS: dict[str, tuple[str, Callable[[ModuleType], None]]] = {
    "watermark_lost": ("streams.lanes.batch", watermark_lost),
    "send_not_awaited": ("streams.lanes.outbox", send_not_awaited),
    "timer_fired_twice": ("streams.lanes.batch", timer_fired_twice),
    "timer_lost_on_restore": ("streams.lanes.opening", timer_lost_on_restore),
    "projector_off_by_one": ("streams.projection.batches", projector_off_by_one),
    "new_number_on_unknown": ("hub.domain.auto_debit", new_number_on_unknown),
}


class Planter(importlib.abc.MetaPathFinder):
    """Finds the module as everybody does, and changes it once it is loaded."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Return the module's own spec with a loader that plants the fault, None for any other module."""
        if name != PLANTS[PLANT][0]:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                PLANTS[PLANT][1](module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if PLANT in PLANTS:
    sys.meta_path.insert(0, Planter())
