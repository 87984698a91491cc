"""Where what comes out came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pattern import Origin
from .._messages import Dropped
from ._raw_documents import Event, EventHead
from ._run import Stream


class Origins:
    """Origins of what one source brings. streams: of open runs, by descriptor uid."""

    def __init__(self, source: Origin, streams: Mapping[str, Stream]) -> None:
        self.source = source
        self._streams = streams

    def of(self, run_uid: str | None, event: EventHead) -> Origin:
        """Of an event."""
        place = self.source
        return Origin(
            place.transport,
            place.name,
            run_uid,
            event.descriptor,
            event.uid,
            event.seq_num,
            event.time,
        )

    def of_run(self, run_uid: str) -> Origin:
        """Of a run as a whole."""
        return Origin(self.source.transport, self.source.name, run_uid)

    def of_unread(self, doc: Any) -> Origin:
        """As much as a document that could not be used says of itself."""
        if not isinstance(doc, Mapping):
            return self.source
        place = self.source
        uid, descriptor, seq_num = doc.get("run_start"), doc.get("descriptor"), doc.get("seq_num")
        stream = self._streams.get(descriptor) if isinstance(descriptor, str) else None
        return Origin(
            place.transport,
            place.name,
            stream.run.uid if stream else uid if isinstance(uid, str) else None,
            descriptor if isinstance(descriptor, str) else None,
            event_uid if isinstance(event_uid := doc.get("uid"), str) else None,
            seq_num if isinstance(seq_num, int) else None,
        )

    def orphan(self, event: Event) -> Dropped:
        """An event whose descriptor was waited for in vain."""
        return Dropped(
            self.of(None, event),
            f"event document: its descriptor {event.descriptor} never came; "
            "the scan began before this listened, or the document was lost",
        )
