"""The generator's own log: every message as sent, every answer as received, and what the generator meant by it.

One JSON object a line. It is written by the side that sends, from outside the hub, so that an independent check can add
up what must have happened without asking the hub.
"""

import base64
import json
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self


class SentLog:
    """Append-only log of one generator process; a line is complete or absent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.count = 0

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def note(
        self, wire: str, to: str, sent: bytes, answer: bytes, verdict: str, meaning: dict[str, Any], repeat_of: int = 0
    ) -> int:
        """Write one exchange and return its number, counted from 1.

        `verdict` is the answer reduced to `accepted`, `refused`, `busy` or `lost` (no answer came). `repeat_of` is the
        number of the exchange whose bytes these are again; a sender that resends after `busy` or `lost` says so too.
        """
        self.count += 1
        entry = {
            "n": self.count,
            "wall_at": int(time.time() * 1000),
            "wire": wire,
            "to": to,
            "sent": base64.b64encode(sent).decode(),
            "answer": base64.b64encode(answer).decode(),
            "verdict": verdict,
            "meaning": meaning,
            "repeat_of": repeat_of,
        }
        if self._file is None:
            raise RuntimeError("the log is not open: use it as a context manager")
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return self.count
