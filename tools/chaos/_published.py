"""What the service has published, read from its JSON lines while it is being written."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Document = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """One prediction run, in the order of its documents."""

    start: Document
    copies: int = 0
    """Start documents after the first, the same or not."""
    events: list[Document] = field(default_factory=list)
    stops: list[Document] = field(default_factory=list)


def said(event: Document) -> tuple[Any, ...]:
    """What an event says, without when it said so."""
    data = event["data"]
    return data["raw_event_uid"], data["status"], data["crystal_system"]


class Published:
    """Prediction runs by the uid of their raw run; grows with the file.

    A document that comes again with its uid (after a kill the service cannot know whether a sink
    has it) is kept as often as it came.
    """

    def __init__(self, path: Path) -> None:
        self.torn: list[str] = []
        """Lines that are no documents."""
        self.homeless: list[Document] = []
        """Documents whose run never started."""
        self._path = path
        self._at = 0
        self._by_raw: dict[str, list[Answer]] = defaultdict(list)
        self._by_uid: dict[str, Answer] = {}
        self._by_descriptor: dict[str, Answer] = {}

    def read(self) -> None:
        """Take in what was written since."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            lines = file.read()
        whole = lines.rfind(b"\n") + 1
        self._at += whole
        for line in lines[:whole].splitlines():
            try:
                one = json.loads(line)
                self._take(one["name"], one["doc"])
            except (ValueError, KeyError, TypeError):
                self.torn.append(line[:200].decode(errors="replace"))

    def of(self, raw_uid: str) -> list[Answer]:
        """Prediction runs of one raw run."""
        return self._by_raw.get(raw_uid, [])

    @property
    def uids(self) -> list[str]:
        """Of all prediction runs."""
        return list(self._by_uid)

    @property
    def answers(self) -> dict[str, tuple[Any, ...]]:
        """What each event says, by its uid."""
        answers = self._by_uid.values()
        return {event["uid"]: said(event) for answer in answers for event in answer.events}

    def stopped(self, raw_uid: str) -> bool:
        """Whether its answer is closed."""
        self.read()
        return any(answer.stops for answer in self.of(raw_uid))

    def _take(self, name: str, document: Document) -> None:
        match name:
            case "start":
                if known := self._by_uid.get(document["uid"]):
                    known.copies += 1
                    return
                answer = self._by_uid[document["uid"]] = Answer(document)
                self._by_raw[document["parents"][0]].append(answer)
            case "descriptor":
                if answer := self._by_uid.get(document["run_start"]):
                    self._by_descriptor[document["uid"]] = answer
                else:
                    self.homeless.append(document)
            case "event":
                if answer := self._by_descriptor.get(document["descriptor"]):
                    answer.events.append(document)
                else:
                    self.homeless.append(document)
            case "stop":
                if answer := self._by_uid.get(document["run_start"]):
                    answer.stops.append(document)
                else:
                    self.homeless.append(document)
