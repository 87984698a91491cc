"""What the service says of itself, read on its event loop: all numbers are of one moment."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..sources import Source
from ..telemetry import Histogram, redact
from ._health import Health
from ._metrics import Metrics
from ._outlet import Outlet
from ._settings import Settings
from ._spool import Spool
from ._telemetry_runs import record

if TYPE_CHECKING:
    from ._runs import Runs

DISTRIBUTION = "alphadiffract-stream"


@dataclass(slots=True)
class State:
    """Reads the parts of one service; changes nothing. Only for use on the service's loop."""

    settings: Settings
    metrics: Metrics
    runs: Runs
    sources: Sequence[Source]
    outlets: Sequence[Outlet]
    health: Health
    reserve: Health | None
    """Of the fallback engine."""
    ready: asyncio.Event
    stopping: asyncio.Event
    spool: Spool | None = None
    started_at: float = field(default_factory=time.time)

    def status(self) -> dict[str, Any]:
        """Account of each run and of all of them, endpoints, engine and durations."""
        metrics = self.metrics
        runs = [record(run) for run in self.runs]
        return {
            "service": {
                "version": package_version(),
                "pid": os.getpid(),
                "started": self.started_at,
                "time": time.time(),
                "stopping": self.stopping.is_set(),
                "policy": self.settings.policy,
            },
            "engine": self._engine(self.health)
            | {
                "errors": metrics.engine_errors,
                "outages": metrics.engine_outages,
                "held": metrics.held,
                "fallback": self._engine(self.reserve) if self.reserve else None,
                "fallback_answers": metrics.fallback_answers,
            },
            "queue": {"waiting": metrics.waiting, "capacity": self.settings.queue_size},
            "spool": self._spool(),
            "totals": {
                "received": metrics.received,
                "predicted": metrics.predicted,
                "refused": metrics.refused,
                "failed": metrics.failed,
                "skipped": metrics.skipped,
                "waiting": metrics.waiting,
                "missing": metrics.missing + sum(run["missing"] for run in runs),
                "duplicates": metrics.duplicates,
                "late": metrics.late,
                "after_stop": metrics.after_stop,
                "dropped": metrics.dropped,
            },
            "runs": [*runs, *reversed(self.runs.closed)],
            "sources": self.source_states(),
            "sinks": self.sink_states(),
            "seconds": {name: _summary(times) for name, times in metrics.stages}
            | {"latency": _summary(metrics.stages.latency)},
        }

    async def readiness(self) -> dict[str, Any]:
        """Whether patterns that come now are predicted and published, and every reason if not."""
        reasons = []
        if self.stopping.is_set():
            reasons.append("the service is stopping: nothing new is taken")
        elif not self.ready.is_set():
            reasons.append("the service has not started")
        fault = await self.health.verdict()
        engine = {"name": self.health.engine.name, "fault": redact(fault), "fallback": None}
        if fault:
            text = f"engine {self.health.engine.name}: {fault}"
            if self.reserve is None:
                reasons.append(text)
            else:
                other = await self.reserve.verdict()
                engine["fallback"] = {"name": self.reserve.engine.name, "fault": redact(other)}
                if other:
                    reasons += [text, f"fallback {self.reserve.engine.name}: {other}"]
        sources, sinks = self.source_states(), self.sink_states()
        for kind, endpoints, good in (
            ("source", sources, ("reading", "ended")),
            ("sink", sinks, ("open",)),
        ):
            for one in endpoints:
                if one["state"] not in good:
                    because = f": {one['reason']}" if one["reason"] else ""
                    reasons.append(f"{kind} {one['name']}: {one['state']}{because}")
        if self.spool is not None and self.spool.trouble:
            reasons.append(f"{self.spool.name}: {self.spool.trouble}")
        return {
            "ready": not reasons,
            "reasons": [redact(reason) for reason in reasons],
            "engine": engine,
            "sources": sources,
            "sinks": sinks,
        }

    def source_states(self) -> list[dict[str, Any]]:
        """Each source: ``reading``, ``disconnected``, ``ended`` or ``broken``."""
        return [self._source(source) for source in self.sources]

    def sink_states(self) -> list[dict[str, Any]]:
        """Each sink: ``open``, or ``failing`` when it did not take the last document."""
        return [
            {
                "name": redact(outlet.name),
                "state": "failing" if outlet.trouble else "open",
                "reason": redact(outlet.trouble),
                "waiting": outlet.waiting,
                "errors": self.metrics.sink_errors[outlet.name],
            }
            for outlet in self.outlets
        ]

    def _source(self, source: Source) -> dict[str, Any]:
        state, reason = "reading", ""
        if source.name in self.metrics.sources_ended:
            broken = self.metrics.source_errors[source.name]
            state, reason = ("broken", "see the log") if broken else ("ended", "")
        elif trouble := getattr(source, "trouble", ""):
            state, reason = "disconnected", trouble
        return {"name": redact(source.name), "state": state, "reason": redact(reason)}

    def _spool(self) -> dict[str, Any] | None:
        if (spool := self.spool) is None:
            return None
        return {
            "unanswered": spool.unfinished,
            "backlog": spool.backlog,
            "bytes": spool.used,
            "size": int(self.settings.spool_size),
            "trouble": redact(spool.trouble),
            "errors": self.metrics.spool_errors,
        }

    @staticmethod
    def _engine(health: Health) -> dict[str, Any]:
        engine = health.engine
        return {
            "name": engine.name,
            "model": engine.card.name,
            "version": engine.card.version,
            "sha256": engine.card.sha256,
            "in_order": health.in_order,
        }


@cache
def package_version() -> str:
    """Of this software; "unknown" where it runs without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def _summary(times: Histogram) -> dict[str, Any]:
    count = times.count
    mean = times.total / count if count else None
    return {
        "count": count,
        "mean": mean,
        "p50": times.quantile(0.5),
        "p99": times.quantile(0.99),
    }
