"""What the ophyd and the ophyd-async device have in common: settings, feed and latest answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Literal

from ..changes import Features, features_of_data
from ..errors import AlphaDiffractError, ConfigurationError
from ._answers import Answers
from ._feeds import Data, DetectorFeed, DocumentFeed, Feed
from ._predictor import Predictor
from ._run_tracker import RunTracker
from ._signals import lost


class PredictionLost(AlphaDiffractError, RuntimeError):  # noqa: N818 - says what happened
    """No prediction came for an exposure: the service is gone, or its patterns never reached it."""


class Latest:
    """The exposure that is waited for and the latest answer, behind the signals of a device."""

    def __init__(
        self,
        feed: Feed,
        tracker: RunTracker,
        timeout: float,
        required: bool,
        publish: Callable[[Data], None],
    ) -> None:
        self.data: Data = {}
        self.timeout = timeout
        self.feed = feed
        self.tracker = tracker
        self.exposed = False
        self._required = required
        self._publish = publish

    def expect(self) -> Future[Data]:
        """Done once the signals hold this exposure's prediction; or fails with PredictionLost."""
        done: Future[Data] = Future()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        exposed, self.exposed = self.exposed, False
        answer = self.feed.expect(loop, exposed=exposed)
        answer.add_done_callback(lambda came: self._came(came, done))
        done.add_done_callback(lambda ended: answer.cancel())
        return done

    def give_up(self, done: Future[Data]) -> None:
        """The time is over."""
        reason = f"no prediction within {self.timeout:g} s; is the service running?"
        self._lost(PredictionLost(reason), done)

    def features(self) -> Features | None:
        """Of the latest answer, for change detection; None where no network answered."""
        return features_of_data(self.data) if self.data else None

    def _came(self, came: Future[Data], done: Future[Data]) -> None:
        if came.cancelled() or done.done():
            return
        if error := came.exception():
            self._lost(PredictionLost(str(error) or type(error).__name__), done)
            return
        self._settle(came.result(), done)

    def _lost(self, error: PredictionLost, done: Future[Data]) -> None:
        seq_num = self.tracker.last("primary") + 1
        data = lost(str(error), self.tracker.run_uid, seq_num)
        if not self._required:
            self._settle(data, done)
            return
        self.data = data
        with contextlib.suppress(Exception):
            self._publish(data)
        if not done.done() and done.set_running_or_notify_cancel():
            done.set_exception(error)

    def _settle(self, data: Data, done: Future[Data]) -> None:
        self.data = data
        try:
            self._publish(data)
        except Exception as error:
            if not done.done():
                done.set_exception(error)
            return
        with contextlib.suppress(CancelledError):
            if not done.done() and done.set_running_or_notify_cancel():
                done.set_result(data)


def make_feed(
    tracker: RunTracker,
    detectors: Sequence[Any],
    predictor: Predictor | None,
    answers: Answers | None,
    *,
    stream: str,
    exposure: Literal["next", "last"],
    signal: Any,
    keys: Mapping[str, str] | None,
    energy_kev: float | None,
) -> Feed:
    """The feed a device's arguments ask for. Raises ConfigurationError unless they name one."""
    if (predictor is None) == (answers is None):
        raise ConfigurationError(
            "give detectors and a predictor, to predict what the detector holds, or answers, to "
            "wait for a service's documents"
        )
    if answers is not None:
        return DocumentFeed(answers, tracker, stream=stream, exposure=exposure)
    assert predictor is not None
    return DetectorFeed(
        detectors,
        predictor.predict,
        tracker,
        stream=stream,
        signal=signal,
        keys=keys,
        energy_kev=energy_kev,
    )
