"""Where an edge's CPU time goes while it works: what it was doing at every tick of it.

A stage measured by itself keeps its code and its tables in the processor's caches; between a broker, a load generator
and the other stages it does not, and takes up to twice as long. So the stages are also counted in the running process.

`python -m hub.cli.edge_sampling run edge` is `medcredit run edge`; SIGUSR1 begins to count, SIGUSR2 ends and writes the
counts into the run directory. Time the event loop spends outside of Python falls to what runs next.
"""

import json
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection

from adapters.hl7.answers import answer_durable
from adapters.hl7.connection import Connection
from adapters.hl7.conversation import Conversation
from adapters.hl7.frames import FrameDecoder
from adapters.hl7.translation import translate
from hub.cli import main
from hub.roles.edge_hl7 import Hl7Acceptance
from hub.runtime.durable_log import DurableLog
from hub.runtime.intake import Intake
from hub.runtime.producer_session import ProducerSession
from hub.runtime.sealing import Sealer
from hub.runtime.settings import read_settings

COUNTS_FILE: Final = "edge_samples.json"
ELSE: Final = "event loop and sockets"
_EVERY_SECONDS: Final = 0.001
"""Or as often as the kernel's tick allows: 4 ms on many machines."""
_FUNCTIONS: Final[Mapping[str, tuple[Any, ...]]] = {
    "frame": (FrameDecoder.feed,),
    "translate": (translate,),
    "seal": (Sealer.envelope,),
    "encode": (Intake._append,),  # noqa: SLF001 - the encoder is C: its time is that of its caller
    "answer": (answer_durable,),
    "take a record": (DurableLog.append, ProducerSession.append),
    "send a batch": (ProducerSession._flush, ProducerSession._produce, AIOKafkaConnection._handle_frame),  # noqa: SLF001
    "write answers": (Connection._flush,),  # noqa: SLF001
    "task of a message": (Connection._begin, Connection._serve, Conversation.hold, Hl7Acceptance.accept),  # noqa: SLF001
}
STAGES: Final = (*_FUNCTIONS, ELSE)
_BY_CODE: Final[Mapping[CodeType, str]] = {
    function.__code__: stage for stage, functions in _FUNCTIONS.items() for function in functions
}


class Samples:
    """Counts of stages; `begin` and `end` are handlers of signals."""

    def __init__(self, path: Path) -> None:
        """`path` is where `end` writes the counts."""
        self._path = path
        self._counts: Counter[str] = Counter()
        signal.signal(signal.SIGUSR1, self.begin)
        signal.signal(signal.SIGUSR2, self.end)
        signal.signal(signal.SIGPROF, self.take)

    def begin(self, _number: int, _frame: FrameType | None) -> None:
        """Count from now on."""
        self._counts.clear()
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)

    def end(self, _number: int, _frame: FrameType | None) -> None:
        """Write the counts, whole or not at all."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(self._counts))
        written.replace(self._path)

    def take(self, _number: int, frame: FrameType | None) -> None:
        """Count the innermost stage on the stack."""
        self._counts[stage_of(frame)] += 1


def stage_of(frame: FrameType | None) -> str:
    """Return the innermost stage a stack is in."""
    while frame is not None:
        stage = _BY_CODE.get(frame.f_code)
        if stage is not None:
            return stage
        frame = frame.f_back
    return ELSE


if __name__ == "__main__":
    Samples(read_settings().run_dir / COUNTS_FILE)
    main()
