"""How a run begins and ends, whatever order its documents come in."""

from __future__ import annotations

import logging

from ...errors import PatternError
from .._messages import Dropped, Message, RunStopped
from ._answers import Answers, started
from ._external import External
from ._keys import RunHints, find_intensity, may_hold_patterns
from ._origins import Origins
from ._reading import Reading
from ._run import Run, Stream
from ._runs import Runs

log = logging.getLogger(__name__)


class Course:
    """Opens runs with the first stream that holds patterns, and closes them when all has come.

    max_runs: runs that may be open; beyond it the oldest is closed as aborted.
    """

    def __init__(
        self,
        runs: Runs,
        origins: Origins,
        answers: Answers,
        external: External,
        reading: Reading,
        max_runs: int,
    ) -> None:
        self._runs = runs
        self._origins = origins
        self._answers = answers
        self._external = external
        self._reading = reading
        self._max_runs = max_runs

    def begin(self, run: Run) -> list[Message]:
        """Open the run if its start document is here, or was waited for in vain."""
        if run.start is None and not run.late:
            return []
        if run.stop is None:
            run.deadline = None
        return [*self.open(run), *self.stop_if_complete(run)]

    def open(self, run: Run) -> list[Message]:
        """Settle which streams are analysed, with the start document or without; answer events."""
        messages: list[Message] = []
        for stream in run.streams:
            if stream.early is None:
                continue
            early, stream.early = stream.early, None
            self._settle(stream)
            if stream.analysed and not stream.only_frames and not run.opened:
                run.opened = True
                messages.append(started(run, stream))
            for event in early:
                messages += self._answers.answer(stream, event)
        return messages

    def go_on_with_frames(self, run: Run) -> list[Message]:
        """A run that is remembered was opened, if only to refuse its frames."""
        if run.opened:
            return []
        streams = [stream for stream in run.streams if stream.only_frames]
        return self._answers.open_with_frames(run, streams[0]) if streams else []

    def stop_if_complete(self, run: Run) -> list[Message]:
        """Close a run that has stopped and whose every event is here."""
        if run.stop is None or run.waiting or not run.complete:
            return []
        return self.stopped(run)

    def give_up_waiting(self, run: Run) -> list[Message]:
        """The start document, or the events a stop document counts, will not come any more."""
        run.deadline, run.late = None, True
        messages = self.open(run)
        if run.stop is not None:
            messages += self.stopped(run)
        return messages

    def stopped(self, run: Run) -> list[Message]:
        """Close a run as its stop document says."""
        assert run.stop is not None
        return self.close(run, run.stop.exit_status, run.stop.reason or "", run.declared)

    def close(
        self, run: Run, exit_status: str, reason: str, num_events: int | None = None
    ) -> list[Message]:
        """Close a run: its last answers, and its end or why it had none."""
        before = self._external.give_up(run)
        self._runs.close(run)
        if run.opened:
            return [*before, RunStopped(run.uid, num_events, exit_status, reason)]
        lost = run.undescribed
        if not lost:
            log.info("run %s has no patterns: %s", run.uid, run.summary())
            return []
        streams = ", ".join(f"{count} events of stream {name!r}" for name, count in lost.items())
        reason = f"stop document: {streams} whose descriptor never came"
        return [Dropped(self._origins.of_run(run.uid), reason)]

    def evict(self) -> list[Message]:
        """Close the oldest runs where there are too many."""
        messages: list[Message] = []
        while len(self._runs) > self._max_runs:
            oldest = next(iter(self._runs))
            messages += self.open(oldest)
            reason = f"no stop document, and {self._max_runs} newer runs"
            messages += self.close(oldest, "abort", reason)
        return messages

    def _settle(self, stream: Stream) -> None:
        """Find out whether `stream` is the one that holds the patterns, and how to read it."""
        run, name = stream.run, stream.descriptor.name
        if run.analysed_stream not in (None, name) or not may_hold_patterns(stream.descriptor):
            return
        start = run.start or {}
        try:
            named = RunHints.of(start).over(self._reading.keys).intensity
            frames = self._reading.integrator is not None
            intensity = find_intensity(stream.descriptor, named, frames=frames)
            if intensity is None:
                return
            stream.use(intensity, start, self._reading)
        except PatternError as error:
            stream.problem = error
        if not stream.only_frames:
            run.analysed_stream = name
