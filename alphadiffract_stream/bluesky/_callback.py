"""The callback for ``RE.subscribe``: predictions without a service and without waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from os import PathLike
from time import monotonic
from types import TracebackType
from typing import Any, Self

from ..errors import ConfigurationError
from ..integration import Integrator
from ..pattern import HC_KEV_ANGSTROM, Pattern
from ..prediction import Prediction
from ..service import Metrics, Service, Settings
from ..sources import frame_integrator
from ..sources._assembler import PatternKeys
from ._answers import Answers
from ._document_source import DocumentSource
from ._predictor import Predictor
from ._publisher import CallbackSink, Publish

log = logging.getLogger(__name__)


class AlphaDiffractCallback:
    """Analyses every pattern a RunEngine publishes, in its own process: ``RE.subscribe(this)``.

    `publish` gets the documents of a prediction run for each raw run that holds patterns, as a
    service would publish them: one event for each raw event, in order, and an account in the stop
    document. It is called in the thread ``alphadiffract-publish``, one document at a time.

    The RunEngine's thread only puts a document into a queue (and copies its arrays). The engine
    runs in another process; if that dies it is started again, the patterns it held are tried once
    more and are otherwise answered ``failed``. This callback never raises into a plan.

    publish: a function ``(name, document)`` or several, e.g. a TiledWriter.
    predictor: shared with devices; one of its own, on `engine`, where not given.
    keys: data keys to read, e.g. ``{"intensity": "det_chi", "axis": "det_q"}``; what is not named
    is found by name, unit and shape.
    poni: calibration of a detector whose frames are to be integrated, here, in a thread of this
    process. integration: ``pixel_mask``, ``npt``, ``polarization_factor``, ``error_model``.
    energy_kev, wavelength: of patterns that name none; at most one of them.
    queue_size: documents that may wait; an event beyond is answered ``refused``. `queue_mib`
    bounds the same by the size of its arrays.
    drain_timeout: s that the end of a run waits for its predictions; 0: it does not wait.
    Raises ConfigurationError or EngineError before anything runs.
    """

    def __init__(
        self,
        publish: Publish | Sequence[Publish] = (),
        *,
        engine: str = "onnx:",
        predictor: Predictor | None = None,
        background: str | None = None,
        keys: Mapping[str, str] | None = None,
        poni: str | PathLike[str] | None = None,
        integration: Mapping[str, Any] | None = None,
        energy_kev: float | None = None,
        wavelength: float | None = None,
        queue_size: int = 1000,
        queue_mib: int = 512,
        drain_timeout: float = 10.0,
    ) -> None:
        if queue_size < 1:
            raise ConfigurationError(f"queue_size={queue_size}: give 1 at least")
        if energy_kev is not None and wavelength is not None:
            raise ConfigurationError("energy_kev and wavelength: give one of them, not both")
        if energy_kev is not None:
            wavelength = HC_KEV_ANGSTROM / energy_kev
        pattern_keys = _keys(keys or {})
        integrator = frame_integrator(poni, **(integration or {}))
        settings = Settings.load(background=background, queue_size=128, sink_timeout=60.0)
        self.answers = Answers()
        """The latest predictions, for devices that wait for one."""
        self.errors = 0
        """Documents that could not be taken; the log says why."""
        self._drain_timeout = drain_timeout
        self._open: set[str] = set()
        self._changed = threading.Condition()
        self._owned = predictor is None
        self.predictor = predictor or Predictor(engine, background=background)
        functions = [publish] if callable(publish) else list(publish)
        self._sink = CallbackSink([self.answers, *functions], self._finish)
        self._source: DocumentSource
        self._service: Service
        self._task: Future[Metrics]
        self.predictor.submit(
            self._start(
                pattern_keys, integrator, wavelength, queue_size, queue_mib * 2**20, settings
            )
        ).result()

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take one document of a raw run; waits only at its end, for `drain_timeout` s at most."""
        try:
            if self._task.done():
                raise RuntimeError("the service has ended")
            if name == "start":
                with self._changed:
                    self._open.add(str(document["uid"]))
            self._source.put(name, document)
            if name == "stop" and self._drain_timeout > 0:
                self._drain(str(document["run_start"]))
        except Exception:
            # A fault here must not end an experiment.
            self.errors += 1
            log.exception("a %s document was not taken", name)

    def predict(self, pattern: Pattern) -> Future[Prediction]:
        """One prediction outside of any run, on the same engine."""
        return self.predictor.predict(pattern)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether every run so far is answered and published, within `timeout` s."""
        return self._until(lambda: not self._open, timeout)

    @property
    def metrics(self) -> Metrics:
        """Counts since the callback was made."""
        return self._service.metrics

    @property
    def overflowed(self) -> int:
        """Events that found the queue full and were answered ``refused``."""
        return self._source.overflowed

    @property
    def publish_errors(self) -> int:
        """Documents a function of `publish` raised at."""
        return self._sink.errors

    def close(self, timeout: float = 10.0) -> None:
        """Answer what was taken, within `timeout` s, close the runs, end the engine.

        What is not answered by then is answered ``failed``. Safe to call twice.
        """
        if not self._task.done():
            self.predictor.loop.call_soon_threadsafe(self._service.stop)
            try:
                self._task.result(timeout)
            except TimeoutError:
                self.predictor.loop.call_soon_threadsafe(self._service.abort)
                self._task.result(timeout)
        if self._owned:
            self.predictor.close()

    async def _start(
        self,
        keys: PatternKeys,
        integrator: Integrator | None,
        wavelength: float | None,
        size: int,
        max_bytes: int,
        settings: Settings,
    ) -> None:
        loop = self.predictor.loop
        self._source = DocumentSource(
            loop,
            keys=keys,
            wavelength=wavelength,
            size=size,
            max_bytes=max_bytes,
            finished=self._finish,
            integrator=integrator,
        )
        self._service = Service([self._source], [self._sink], self.predictor.engine, settings)
        self._task = self.predictor.submit(self._service.run())
        self._task.add_done_callback(self._ended)
        await self._service.ready.wait()

    def _ended(self, task: Future[Metrics]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.critical("the analysis has ended: %s", error, exc_info=error)
        with self._changed:
            self._open.clear()
            self._changed.notify_all()

    def _finish(self, raw_uid: str) -> None:
        with self._changed:
            self._open.discard(raw_uid)
            self._changed.notify_all()

    def _drain(self, raw_uid: str) -> None:
        began = monotonic()
        if not self._until(lambda: raw_uid not in self._open, self._drain_timeout):
            log.warning(
                "run %s: its predictions were not all published after %.1f s; they will be",
                raw_uid,
                monotonic() - began,
            )

    def _until(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _keys(named: Mapping[str, str]) -> PatternKeys:
    try:
        return PatternKeys(**named)
    except TypeError:
        known = ", ".join(PatternKeys.__dataclass_fields__)
        raise ConfigurationError(f"keys={sorted(named)}: known are {known}") from None
