"""The service's numbers as Prometheus metrics; docs/reference/metrics.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from ..prediction import Status
from ..telemetry import STAGES, Histogram, redact
from ._metrics import Metrics
from ._telemetry_state import State, package_version


class ServiceCollector(Collector):
    """Reads the counts when they are asked for: counting itself knows nothing of Prometheus.

    ask: calls a function where the counts belong to one moment (on the event loop).
    """

    def __init__(
        self, state: State, ask: Callable[[Callable[[], list[Metric]]], list[Metric]]
    ) -> None:
        self._state = state
        self._ask = ask

    def collect(self) -> Iterable[Metric]:
        """All metrics of the service."""
        return self._ask(lambda: families(self._state))


def families(state: State) -> list[Metric]:
    """Every metric at this moment."""
    metrics = state.metrics
    return [
        *_account(metrics),
        *_queues(state),
        *_spool(state),
        *_engine(state),
        *_endpoints(state),
        _histogram(
            "alphadiffract_stage_seconds",
            "Duration of each stage: " + " ".join(f"{k}: {v}" for k, v in STAGES.items()),
            dict(metrics.stages),
            "stage",
        ),
        _histogram(
            "alphadiffract_latency_seconds",
            "From a pattern's reception until its prediction is published in its turn.",
            {"": metrics.stages.latency},
        ),
        InfoMetricFamily(
            "alphadiffract_build",
            "What is running.",
            {
                "version": package_version(),
                "engine": state.health.engine.name,
                "model": state.health.engine.card.name,
                "model_version": state.health.engine.card.version,
                "model_sha256": state.health.engine.card.sha256,
            },
        ),
    ]


def _account(metrics: Metrics) -> Iterable[Metric]:
    for name, text, value in (
        ("events_received", "Events accepted; each is answered once.", metrics.received),
        ("events_predicted", "Events answered by a network.", metrics.predicted),
        ("events_refused", "Events that cannot be analysed.", metrics.refused),
        ("events_skipped", "Events refused for newer ones (policy latest).", metrics.skipped),
        ("events_failed", "Events that could be analysed and got no answer.", metrics.failed),
        ("events_missing", "Events of closed runs that never came.", metrics.missing),
        ("events_backfilled", "Missing events that an archive gave.", metrics.backfilled),
        ("events_duplicate", "Events that came again; answered once.", metrics.duplicates),
        ("events_late", "Events answered out of order.", metrics.late),
        ("events_after_stop", "Events of runs already closed; not answered.", metrics.after_stop),
        ("messages_dropped", "Messages that name no event.", metrics.dropped),
        ("runs_started", "Runs opened.", metrics.runs_started),
        ("runs_stopped", "Runs closed.", metrics.runs_stopped),
    ):
        yield CounterMetricFamily(f"alphadiffract_{name}", text, value=value)
    yield _labelled(
        CounterMetricFamily("alphadiffract_answers", "Answers by status.", labels=["status"]),
        {status.value: metrics.answered[status.value] for status in Status},
    )


def _queues(state: State) -> Iterable[Metric]:
    metrics = state.metrics
    gaps = sum(run.account.missing for run in state.runs)
    for name, text, value in (
        ("queue_depth", "Events accepted and not answered yet.", metrics.waiting),
        ("queue_capacity", "Events that are accepted at most.", state.settings.queue_size),
        ("held", "Patterns that wait for an engine to come back.", metrics.held),
        ("runs_open", "Runs that are open.", sum(1 for _ in state.runs)),
        ("gap_events", "Events of open runs that have not come, by gaps in seq_num.", gaps),
    ):
        yield GaugeMetricFamily(f"alphadiffract_{name}", text, value=value)


def _spool(state: State) -> Iterable[Metric]:
    if (spool := state.spool) is None:
        return
    for name, text, value in (
        ("spool_events", "Events kept in the spool and not answered.", spool.unfinished),
        ("spool_backlog", "Those that wait there for room in memory.", spool.backlog),
        ("spool_bytes", "Bytes the spool holds.", spool.used),
        ("spool_size_bytes", "Bytes after which sources are held back.", state.settings.spool_size),
        ("spool_in_order", "1 while the spool can be written to.", not spool.trouble),
    ):
        yield GaugeMetricFamily(f"alphadiffract_{name}", text, value=value)
    text = "Times the spool could not be written or read."
    errors = state.metrics.spool_errors
    yield CounterMetricFamily("alphadiffract_spool_errors", text, value=errors)


def _engine(state: State) -> Iterable[Metric]:
    metrics = state.metrics
    in_order = GaugeMetricFamily(
        "alphadiffract_engine_in_order",
        "1 while golden inferences give the right numbers (the circuit breaker is closed).",
        labels=["engine"],
    )
    in_order.add_metric([state.health.engine.name], state.health.in_order)
    yield in_order
    for name, text, value in (
        ("engine_outages", "Times the engine was found out of order.", metrics.engine_outages),
        ("engine_errors", "Calls of the engine without an answer.", metrics.engine_errors),
        ("fallback_answers", "Patterns the fallback answered.", metrics.fallback_answers),
        ("batches", "Batches answered.", metrics.batches),
        ("batched_patterns", "Patterns in them.", metrics.batched_patterns),
    ):
        yield CounterMetricFamily(f"alphadiffract_{name}", text, value=value)


def _endpoints(state: State) -> Iterable[Metric]:
    sources, sinks = state.source_states(), state.sink_states()
    # One that came to its end, as files do, is not away.
    reading = [one for one in sources if one["state"] != "ended"]
    connected = {one["name"]: one["state"] == "reading" for one in reading}
    is_open = {one["name"]: one["state"] == "open" for one in sinks}
    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    text = "1 while the source is read and connected."
    yield _labelled(gauge("alphadiffract_source_connected", text, labels=["source"]), connected)
    text = "1 while the sink takes documents."
    yield _labelled(gauge("alphadiffract_sink_open", text, labels=["sink"]), is_open)
    text = "Documents that wait for the sink."
    waiting = {one["name"]: one["waiting"] for one in sinks}
    yield _labelled(gauge("alphadiffract_sink_queue_depth", text, labels=["sink"]), waiting)
    text = "Documents the sink did not take."
    errors = {one["name"]: one["errors"] for one in sinks}
    yield _labelled(counter("alphadiffract_sink_errors", text, labels=["sink"]), errors)
    text = "Sources that broke."
    broken = {redact(source.name): 0 for source in state.sources} | {
        redact(name): count for name, count in state.metrics.source_errors.items()
    }
    yield _labelled(counter("alphadiffract_source_errors", text, labels=["source"]), broken)


def _labelled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]
) -> Metric:
    for label, value in dict(values).items():
        family.add_metric([label], value)
    return family


def _histogram(
    name: str, text: str, histograms: Mapping[str, Histogram], label: str | None = None
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=[label] if label else None)
    for value, times in histograms.items():
        buckets = [
            ("+Inf" if bound == float("inf") else repr(bound), count)
            for bound, count in times.cumulative()
        ]
        family.add_metric([value] if label else [], buckets, times.total)
    return family
