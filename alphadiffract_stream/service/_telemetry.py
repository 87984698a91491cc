"""Metrics, health, readiness and the account over HTTP; true also when the service hangs."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..telemetry import Endpoint, Reply, Security
from ._telemetry_state import State

if TYPE_CHECKING:
    from ._service import Service

T = TypeVar("T")

_TURN = 2.0
"""s within which an event loop that is in order gets round to anything."""


class Telemetry:
    """``/metrics``, ``/status``, ``/healthz`` and ``/readyz`` of one service.

    Served by a thread, which asks the event loop: an answer is of one moment, and where the loop
    is stuck, that is the answer. Make it on the service's loop. Raises ConfigurationError where
    `metrics_host` and `metrics_port` cannot be served at. A registry of its own: nothing global.
    """

    def __init__(self, service: Service) -> None:
        # Half a megabyte and tens of milliseconds that only who serves metrics needs to load.
        from prometheus_client import CollectorRegistry, make_wsgi_app
        from prometheus_client.process_collector import ProcessCollector

        from ._telemetry_collector import ServiceCollector

        self._state: State = service.state
        self._loop = asyncio.get_running_loop()
        self.registry = CollectorRegistry()
        self.registry.register(ServiceCollector(self._state, self._ask_or_read))
        ProcessCollector(registry=self.registry)
        settings = self._state.settings
        self._endpoint = Endpoint(
            settings.metrics_host,
            settings.metrics_port or 0,
            json={"/healthz": self._healthz, "/readyz": self._readyz, "/status": self._status},
            guarded={"/metrics": make_wsgi_app(self.registry)},
            security=Security(
                settings.metrics_certificate, settings.metrics_key, settings.metrics_token_file
            ),
        )

    @property
    def address(self) -> str:
        """``http://HOST:PORT`` as it is served."""
        return self._endpoint.address

    async def close(self) -> None:
        """Stop serving. Safe to call twice."""
        # Its last request may be waiting for this loop.
        await asyncio.to_thread(self._endpoint.close)

    def _healthz(self, _: bool) -> Reply:
        try:
            self._ask(lambda: None)
        except TimeoutError as error:
            return Reply({"alive": False, "reason": str(error)}, ok=False)
        return Reply({"alive": True})

    def _readyz(self, trusted: bool) -> Reply:
        try:
            self._ask(lambda: None)
            found = self._await_readiness()
        except TimeoutError as error:
            found = {"ready": False, "reasons": [str(error)]}
        ready = found["ready"]
        return Reply(found if trusted else {"ready": ready}, ok=ready)

    def _status(self, trusted: bool) -> Reply | None:
        if not trusted:
            return None
        try:
            return Reply(self._ask(self._state.status))
        except TimeoutError as error:
            return Reply({"error": str(error)}, ok=False)

    def _await_readiness(self) -> dict[str, Any]:
        # The engine's golden inference, then the fallback's.
        patience = 2 * self._state.settings.health_timeout + _TURN
        asked = asyncio.run_coroutine_threadsafe(self._state.readiness(), self._loop)
        try:
            return asked.result(patience)
        except TimeoutError:
            asked.cancel()
            raise TimeoutError(f"no verdict on the engine within {patience:g} s") from None

    def _ask(self, question: Callable[[], T]) -> T:
        """What `question` returns on the event loop. Raises TimeoutError if that does not turn."""
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def reply() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # for whoever asked, not for the loop
                answer.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(reply)
            return answer.result(_TURN)
        except TimeoutError:
            raise TimeoutError(f"the event loop has not turned for {_TURN:g} s") from None
        except RuntimeError as error:
            if self._loop.is_closed():
                raise TimeoutError("the event loop has ended") from None
            raise error

    def _ask_or_read(self, question: Callable[[], T]) -> T:
        """Numbers that may be torn are better than none from a service that hangs."""
        try:
            return self._ask(question)
        except TimeoutError:
            return question()
