"""What is to be written beside new events, and what of it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ._entry import Entry
from ._records import Batch, EventRow, RunRow


class Keepable(Protocol):
    """A run as it is to be kept."""

    uid: str

    def record(self, documents: bool) -> RunRow:
        """What is to be written of it now, with its documents or without."""
        ...


class Changes:
    """Since the last transaction. What is taken for one is given back where that fails."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        """Runs that are written."""
        self._next = Batch()
        self._dirty: dict[str, Keepable] = {}
        self._touched: dict[str, Keepable] = {}
        """What is being written of `_dirty`."""
        self._documented: set[str] = set()
        """Runs whose documents are kept as they are."""
        self._loose: Counter[str] = Counter()
        """Answered events, by run, of which not even the account is written."""
        self._settling: Counter[str] = Counter()
        """What is being written of `_loose`."""

    def __bool__(self) -> bool:
        batch = self._next
        return bool(batch.done or self._dirty or batch.memories or batch.closed or batch.forgotten)

    def touch(self, run: Keepable, *, documents: bool = False) -> None:
        """Something about `run` has changed, `documents` among it."""
        if documents:
            self._documented.discard(run.uid)
        self._dirty[run.uid] = run

    def remember(self, run_uid: str, source: str, name: str, document: Mapping[str, Any]) -> None:
        """What the run's source must be told again."""
        self._next.memories.append((run_uid, source, name, document))

    def answered(self, entry: Entry) -> None:
        """It need not be kept any longer."""
        if entry.written:
            self._next.done.append(entry.id)
        else:
            self._loose[entry.run_uid] += 1

    def close(self, run_uid: str) -> None:
        """The run has ended."""
        self._drop(run_uid)
        self._next.closed.append(run_uid)

    def forget(self, run_uid: str) -> None:
        """Somebody else goes on with the run."""
        self._drop(run_uid)
        self._next.forgotten.append(run_uid)

    def _drop(self, run_uid: str) -> None:
        self._dirty.pop(run_uid, None)
        self._documented.discard(run_uid)

    def unaccounted(self, run_uid: str) -> int:
        """Answered events of a run that neither lie in the spool nor are in its account there."""
        return self._loose[run_uid] + self._settling[run_uid]

    def take(self, entries: Iterable[Entry]) -> Batch:
        """What is to be written now, with these events; then `written` or `failed`."""
        batch, self._next = self._next, Batch()
        batch.runs = [run.record(uid not in self._documented) for uid, run in self._dirty.items()]
        batch.events = [
            EventRow(entry.id, entry.run_uid, entry.arrived, entry.message)
            for entry in entries
            if entry.message is not None
        ]
        self._touched, self._dirty = self._dirty, {}
        self._settling, self._loose = self._loose, Counter()
        self._documented |= self._touched.keys()
        return batch

    def written(self, batch: Batch) -> bool:
        """Whether runs were written that had not been before."""
        new_runs = self._touched.keys() - self.held
        self.held |= new_runs
        self.held -= {*batch.closed, *batch.forgotten}
        self._settling.clear()
        return bool(new_runs)

    def failed(self, batch: Batch) -> None:
        """All of it is to be written with the next one."""
        self._documented -= self._touched.keys()
        self._dirty = self._touched | self._dirty
        self._loose += self._settling
        self._settling.clear()
        after = self._next
        self._next = Batch(
            memories=batch.memories + after.memories,
            done=batch.done + after.done,
            closed=batch.closed + after.closed,
            forgotten=batch.forgotten + after.forgotten,
        )
