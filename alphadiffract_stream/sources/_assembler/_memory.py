"""Which documents of an open run must be there again for it to be gone on with after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._messages import Message, Remember, RunStarted

Named = tuple[str, Mapping[str, Any]]


class Memory:
    """Documents of each run that are no events, until it is known that the run is analysed."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Named]] = {}

    def add(self, run_uid: str, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document for `take`."""
        self._waiting.setdefault(run_uid, []).append((name, document))

    def take(self, run_uid: str) -> list[Message]:
        """What is to be remembered of a run that is analysed."""
        return [Remember(run_uid, *named) for named in self._waiting.pop(run_uid, ())]

    def forget(self, run_uid: str) -> None:
        """The run is closed."""
        self._waiting.pop(run_uid, None)


def after_start(messages: list[Message], remembered: list[Message]) -> list[Message]:
    """`messages` with `remembered` where its run has begun, before what it is needed for."""
    begins = (i + 1 for i, one in enumerate(messages) if isinstance(one, RunStarted))
    place = next(begins, 0)
    return [*messages[:place], *remembered, *messages[place:]]
