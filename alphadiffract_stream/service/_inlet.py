"""What sources bring, handed on to the runs and to the intake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..sources import (
    Dropped,
    Message,
    PatternReceived,
    PatternRefused,
    PatternsSkipped,
    Remember,
    RunStarted,
    RunStopped,
    Source,
)
from ._intake import Intake
from ._metrics import Metrics
from ._runs import Runs
from ._spool import Spool

log = logging.getLogger(__name__)


class Inlet:
    """Reads sources to their end. latest: sources may pass old events over. ended: called when
    one has ended."""

    def __init__(
        self,
        runs: Runs,
        intake: Intake,
        spool: Spool | None,
        metrics: Metrics,
        ended: Callable[[Source], None],
        *,
        latest: bool,
    ) -> None:
        self._runs = runs
        self._intake = intake
        self._spool = spool
        self._metrics = metrics
        self._ended = ended
        self._latest = latest

    async def read(self, source: Source) -> None:
        """Until it ends or breaks. Raises nothing."""
        try:
            shed = getattr(source, "shed", None) if self._latest else None
            if shed is not None:
                shed()
            async for message in source:
                sheds = shed is not None and getattr(source, "shedding", True)
                if sheds and isinstance(message, PatternReceived):
                    await self._intake.room()
                await self._take_safely(message, source.name)
                await asyncio.sleep(0)  # a source that never waits must not starve the answers
        except Exception:
            log.exception("source %s broke and is not read any more", source.name)
            self._metrics.source_errors[source.name] += 1
        self._metrics.sources_ended.add(source.name)
        self._ended(source)

    async def _take_safely(self, message: Message, source: str) -> None:
        """One message that cannot be handled must not end the stream."""
        try:
            await self._take(message, source)
        except Exception:
            self._metrics.dropped += 1
            log.exception("source %s: dropped a %s", source, type(message).__name__)

    async def _take(self, message: Message, source: str) -> None:
        match message:
            case PatternReceived(pattern):
                await self._intake.take(message, pattern.origin, source)
            case PatternRefused(origin):
                await self._intake.take(message, origin, source)
            case PatternsSkipped(origins):
                self._intake.pass_over(origins, source)
            case RunStarted():
                if run := self._runs.start(message):
                    run.sources.add(source)
            case Remember(run_uid, name, document):
                if self._spool is not None and self._runs.get(run_uid):
                    self._spool.remember(run_uid, source, name, document)
            case RunStopped(run_uid):
                if run := self._runs.get(run_uid):
                    run.stop(message)
                else:
                    log.warning(
                        "run %s stopped, but was not seen to start",
                        run_uid,
                        extra={"run_uid": run_uid},
                    )
            case Dropped(origin, reason):
                self._metrics.dropped += 1
                log.warning("%s dropped: %s", origin, reason)
