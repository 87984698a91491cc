"""Which runs are open, which are over, and whose run a document is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...errors import DecodeError
from ._memory import Memory
from ._recent import Recent
from ._run import Run, Stream


class Runs:
    """Open runs by uid, their streams by descriptor uid, and uids that are over.

    patience: s that a run waits for its start document. replay_after: s after which a closed run
    may begin anew.
    """

    def __init__(self, patience: float, replay_after: float, clock: Callable[[], float]) -> None:
        self.streams: dict[str, Stream] = {}
        self.closed = Recent(1000)
        """Run and descriptor uids that were closed."""
        self.passed_over = Recent(1000)
        """Run and descriptor uids of our own predictions."""
        self.memory: Memory | None = None
        """What must be remembered of open runs, where anything must."""
        self._patience = patience
        self._replay_after = replay_after
        self._clock = clock
        self._open: dict[str, Run] = {}

    def __iter__(self) -> Iterator[Run]:
        """Open runs, the oldest first; they may be closed meanwhile."""
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, uid: object) -> bool:
        return uid in self._open

    def get(self, uid: str) -> Run | None:
        """The open run of this uid."""
        return self._open.get(uid)

    def get_or_add(self, uid: str) -> Run:
        """The open run of this uid, if need be a new one that waits for its start document."""
        if uid not in self._open:
            self._open[uid] = Run(uid, deadline=self._clock() + self._patience)
        return self._open[uid]

    def restart(self, uid: str) -> None:
        """A start document of this uid has come. Raises DecodeError if it was closed just now."""
        closed = self.closed.time(uid)
        if closed is not None and self._clock() < closed + self._replay_after:
            raise DecodeError(f"run {uid} is closed already")
        self.closed.discard(uid)

    def refuse_closed(self, uid: str) -> None:
        """Raises DecodeError for a run that is over."""
        if uid in self.closed:
            raise DecodeError(f"run {uid} is closed already")

    def add_stream(self, stream: Stream) -> None:
        """One more stream of an open run."""
        uid = stream.descriptor.uid
        self.closed.discard(uid)
        stream.run.streams.append(stream)
        self.streams[uid] = stream

    def forget(self, uid: str) -> None:
        """As if the run had never been."""
        if self.memory is not None:
            self.memory.forget(uid)
        run = self._open.pop(uid, None)
        for stream in run.streams if run else ():
            self.streams.pop(stream.descriptor.uid, None)

    def close(self, run: Run) -> None:
        """The run is over."""
        self.forget(run.uid)
        now = self._clock()
        for uid in (run.uid, *(stream.descriptor.uid for stream in run.streams)):
            self.closed.add(uid, now)

    def of_external(self, name: str, doc: Mapping[str, Any]) -> Run | None:
        """Whose external data a document is of.

        Resources may name their run; else it is the one that began last.
        """
        if isinstance(uid := doc.get("run_start"), str):
            return self._open.get(uid)
        if name == "stream_datum":
            stream = self.streams.get(str(doc.get("descriptor")))
            return stream.run if stream else None
        if name in ("resource", "stream_resource"):
            return next(reversed(self._open.values()), None)
        holders = (run for run in self._open.values() if run.references.holds(doc))
        return next(holders, None)
