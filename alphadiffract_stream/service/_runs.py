"""The raw runs that are open, and those that were: which run an event belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from ..documents import Begun, PredictionRun
from ..engines import Engine
from ..pattern import HC_KEV_ANGSTROM, Origin
from ..sources import RunStarted
from ._keeper import Emit, Keeper
from ._metrics import Metrics
from ._run import Run
from ._run_record import began_of, begun_of
from ._sequencer import Sequencer
from ._settings import Settings
from ._spool import KeptRun, Spool
from ._telemetry_runs import RunRecord, record

log = logging.getLogger(__name__)

_CLOSED_REMEMBERED = 1000
"""Runs whose stragglers are recognised after they are closed."""
_ACCOUNTS_KEPT = 100
"""Closed runs whose account can still be asked for."""


class Runs:
    """Opens a run when its start, or an event without one, comes; forgets it once it is closed."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        metrics: Metrics,
        emit: Emit,
        keeper: Keeper[Run],
        spool: Spool | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._metrics = metrics
        self._emit = emit
        self._open: dict[str, Run] = {}
        self._keeper = keeper
        self._spool = spool
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._sessions: dict[tuple[str, str], str] = {}
        self._changed = asyncio.Event()
        self.closed: deque[RunRecord] = deque(maxlen=_ACCOUNTS_KEPT)
        """Accounts of the last closed runs."""

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._open.values()))

    def get(self, uid: str) -> Run | None:
        """The open run of this uid."""
        return self._open.get(uid)

    def of(self, origin: Origin) -> Run | None:
        """The event's run, opened if its start was not seen; None once that run is closed."""
        uid = origin.run_uid or self._session(origin)
        if uid in self._closed:
            return None
        if run := self._open.get(uid):
            return run
        if origin.run_uid:
            log.warning("%s: the start of its run was not seen", origin)
        return self.start(RunStarted(uid, {"uid": uid, "start_missing": True}))

    def start(self, message: RunStarted) -> Run | None:
        """Open a run, anew if it was closed (a replay); an open one stays as it is.

        Where there is a spool, what it has answered is not answered again: None for such a run.
        """
        uid = message.run_uid
        if run := self._open.get(uid):
            run.heard = True
            return run
        if uid in self._closed and self._spool is not None:
            log.warning("run %s was answered before: not answered again", uid)
            return None
        self._closed.pop(uid, None)
        if self._spool is not None and not message.identity:
            # So that answers that are given again after a restart are the same documents.
            message = replace(message, identity=self._spool.identity)
        return self._add(message, self._documents(message))

    def resume(self, spool: Spool) -> list[Run]:
        """Open the runs again that were open when the service ended."""
        for uid in spool.closed_runs():
            self._closed[uid] = None
        return [self._again(kept) for kept in spool.open_runs()]

    def _again(self, kept: KeptRun) -> Run:
        account = kept.state["account"]
        answered = account["predicted"] + account["refused"] + account["failed"]
        begun = begun_of(kept.documents, kept.state["last"], answered)
        began = began_of(kept.began)
        run = self._add(began, self._documents(began, begun), kept, self._flags(begun.start))
        log.info(
            "run %s goes on: %d events answered, %d to be answered",
            *(kept.uid, answered, len(kept.open_events)),
            extra={"run_uid": kept.uid},
        )
        return run

    def _flags(self, start: Mapping[str, Any]) -> tuple[str, ...]:
        """For a run that was begun with another model than there is now."""
        card = self._engine.card
        other = start.get("model", {}).get("sha256") != card.sha256
        return (f"model:{card.name}-{card.version}",) if other else ()

    def _add(
        self,
        began: RunStarted,
        documents: PredictionRun,
        kept: KeptRun | None = None,
        flags: tuple[str, ...] = (),
    ) -> Run:
        self._metrics.runs_started += 1
        wait = self._settings.reorder_wait
        # A gap must never hold back so many that there is no room left for what fills it.
        limit = min(self._settings.reorder_limit, self._settings.queue_size - 1)
        run = self._open[began.run_uid] = Run(
            began,
            documents,
            Sequencer(wait, limit, kept.state["last"] if kept else 0),
            self._metrics,
            stop_wait=wait,
            emit=self._emit,
            keeper=self._keeper,
            kept=kept,
            flags=flags,
        )
        return run

    def _documents(self, message: RunStarted, begun: Begun | None = None) -> PredictionRun:
        wavelength = message.wavelength
        return PredictionRun(
            {"uid": message.run_uid, **message.start},
            self._engine.card,
            self._engine.name,
            raw_data_keys=message.data_keys or None,
            energy=None if wavelength is None else HC_KEV_ANGSTROM / wavelength,
            energy_source=message.wavelength_source,
            identity=message.identity,
            begun=begun,
        )

    async def until_closed(self) -> None:
        """Until no run is open."""
        while self._open:
            self._changed.clear()
            await self._changed.wait()

    def _session(self, origin: Origin) -> str:
        """Events that name no run belong to one run a source."""
        return self._sessions.setdefault((origin.transport, origin.name), str(uuid4()))

    def forget(self, run: Run) -> None:
        """The run is closed."""
        self._metrics.runs_stopped += 1
        self.closed.append(record(run, is_open=False))
        del self._open[run.uid]
        self._closed[run.uid] = None
        if len(self._closed) > _CLOSED_REMEMBERED:
            self._closed.popitem(last=False)
        self._changed.set()
