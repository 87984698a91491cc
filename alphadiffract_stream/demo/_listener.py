"""Prediction documents as they come off the wire, sorted by the raw run they belong to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import zmq

from ..wire import decode_message

Document = Mapping[str, Any]


@dataclass(slots=True)
class PredictionRun:
    """What has arrived of one prediction run."""

    start: Document
    events: dict[int, Document] = field(default_factory=dict)
    """`seq_num` → event document."""
    arrived: dict[int, float] = field(default_factory=dict)
    """`seq_num` → time.perf_counter() at arrival."""
    stop: Document | None = None


class Listener:
    """Reads Bluesky documents with one prefix from a proxy, in a thread of its own."""

    def __init__(self, port: int, prefix: str) -> None:
        self._runs: dict[str, PredictionRun] = {}
        self._raw_run: dict[str, str] = {}
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self.on_event: Callable[[str, int, Document], None] | None = None
        """Called with raw run uid, seq_num and document; in the listener's thread."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set(zmq.RCVHWM, 0)
        self._socket.set(zmq.LINGER, 0)
        self._socket.subscribe(f"{prefix} ".encode())
        self._socket.connect(f"tcp://127.0.0.1:{port}")
        self._thread = threading.Thread(target=self._listen, name="predictions", daemon=True)
        self._thread.start()

    def wait(
        self, raw_uid: str, ready: Callable[[PredictionRun], bool], timeout: float
    ) -> PredictionRun | None:
        """The prediction run of `raw_uid` once `ready`; None if that takes over `timeout` s."""

        def found() -> bool:
            return raw_uid in self._runs and ready(self._runs[raw_uid])

        with self._changed:
            return self._runs[raw_uid] if self._changed.wait_for(found, timeout) else None

    def run(self, raw_uid: str) -> PredictionRun | None:
        """What there is of the prediction run of `raw_uid`."""
        with self._changed:
            return self._runs.get(raw_uid)

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._closing.set()
        self._thread.join()
        self._socket.close()
        self._context.term()

    def _listen(self) -> None:
        while not self._closing.is_set():
            if self._socket.poll(100):
                message = self._socket.recv()
                now = time.perf_counter()
                _, name, document = decode_message(message)
                self._take(name, document, now)

    def _take(self, name: str, document: Document, now: float) -> None:
        with self._changed:
            match name:
                case "start":
                    raw_uid = document["parents"][0]
                    self._raw_run[document["uid"]] = raw_uid
                    self._runs[raw_uid] = PredictionRun(document)
                case "descriptor" | "stop":
                    raw_uid = self._raw_run.get(document["run_start"])
                    if raw_uid is None:
                        return  # a run that had begun before this socket was connected
                    if name == "stop":
                        self._runs[raw_uid].stop = document
                    self._raw_run[document["uid"]] = raw_uid
                case "event":
                    raw_uid = self._raw_run.get(document["descriptor"])
                    if raw_uid is None:
                        return
                    seq_num = document["seq_num"]
                    self._runs[raw_uid].events[seq_num] = document
                    self._runs[raw_uid].arrived[seq_num] = now
                    if self.on_event is not None:
                        self.on_event(raw_uid, seq_num, document)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
