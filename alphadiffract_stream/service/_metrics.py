"""What the service has done, as numbers; an exporter reads them, nothing here knows of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..prediction import Prediction
from ..telemetry import Stages


@dataclass(slots=True)
class Metrics:
    """Counters since the service started."""

    received: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    """By status: ok, low_confidence, out_of_domain, refused, failed."""
    duplicates: int = 0
    skipped: int = 0
    """Refused for newer ones (policy ``latest``)."""
    spool_errors: int = 0
    """Times the spool could not be written or read."""
    late: int = 0
    """Answered out of order, after their gap was given up."""
    after_stop: int = 0
    """Came after their run was closed: not answered, logged."""
    dropped: int = 0
    """Bytes or documents that named no event."""
    missing: int = 0
    backfilled: int = 0
    """Were missing, and an archive gave them."""
    runs_started: int = 0
    runs_stopped: int = 0
    runs_aborted: int = 0
    """Closed without a stop document."""
    batches: int = 0
    batched_patterns: int = 0
    engine_errors: int = 0
    engine_outages: int = 0
    """Times a golden inference found the engine out of order."""
    fallback_answers: int = 0
    """Patterns the fallback answered."""
    held: int = 0
    """Patterns that wait now for an engine to come back (those queued behind them not counted)."""
    sources_ended: set[str] = field(default_factory=set)
    source_errors: Counter[str] = field(default_factory=Counter)
    sink_errors: Counter[str] = field(default_factory=Counter)
    """Documents a sink did not take, by sink."""
    stages: Stages = field(default_factory=Stages)
    queue_ms: float = 0.0
    """Sums over predictions; divide by the number answered."""
    compute_ms: float = 0.0
    total_ms: float = 0.0

    def answer(self, prediction: Prediction) -> None:
        """Count one answer and its latency."""
        self.answered[prediction.status.value] += 1
        self.queue_ms += prediction.latency.queue
        self.compute_ms += prediction.latency.compute
        self.total_ms += prediction.latency.total
        self.stages.latency.observe(prediction.latency.total / 1e3)

    def skip(self) -> None:
        """Count one pattern that was passed over before it was read."""
        self.received += 1
        self.skipped += 1
        self.answered["refused"] += 1

    @property
    def waiting(self) -> int:
        """Received and not answered yet."""
        return self.received - self.answered.total()

    @property
    def refused(self) -> int:
        """Answers with status refused."""
        return self.answered["refused"]

    @property
    def failed(self) -> int:
        """Answers with status failed."""
        return self.answered["failed"]

    @property
    def predicted(self) -> int:
        """Answers a network gave."""
        return self.answered.total() - self.refused - self.failed

    @property
    def mean_batch(self) -> float:
        """Patterns a call of the engine."""
        return self.batched_patterns / self.batches if self.batches else 0.0
