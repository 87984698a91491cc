"""A prediction run, document by document."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast
from uuid import UUID, uuid5

from event_model import ComposeDescriptorBundle, compose_run

from ..prediction import ModelCard, Prediction
from ._account import Account
from ._descriptor import (
    HINTED,
    STREAM,
    answer_keys,
    carried_data_key,
    carried_keys,
    keys_of_values,
)
from ._event import answer_data, carried_data
from ._start import start_metadata
from ._stop import exit_status_of, stop_account

Document = Mapping[str, Any]

_UIDS = UUID("5d1c9b0e-6c0f-5f0e-9a3c-0f6f0a3a7d11")
"""Name space of uids that follow from an identity."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a prediction run has composed so far, for another object to go on with it."""

    start: Document
    descriptor: Document | None = None
    carried: Mapping[str, str] = field(default_factory=dict)
    """Raw scalar → the key it is published under."""
    last: int = 0
    """The highest seq_num."""
    events: int = 0


class PredictionRun:
    """Composes start, descriptor, events and stop of the run that answers one raw run.

    The documents are valid under ``event_model.schema_validators`` (tested; not checked in
    flight, where that would cost a hundred times the composing).

    raw_start: the raw start document, or at least ``uid``.
    engine: name of the engine that is to answer; each event names the one that did.
    software_version: of this package; found out where not given.
    raw_data_keys: data keys of the raw event's scalars, whose values `event` is given as
    ``metadata["data"]``; without them the first event's values say which there are.
    energy: keV, where it is known for the whole run, and where that was read.
    identity: where given, every uid follows from it, from the model and from the raw uids, so
    that a run that is answered again gives documents of the same uids.
    begun: where given, the run of these documents is gone on with.
    """

    def __init__(
        self,
        raw_start: Mapping[str, Any],
        card: ModelCard,
        engine: str,
        software_version: str | None = None,
        *,
        raw_data_keys: Mapping[str, Mapping[str, Any]] | None = None,
        energy: float | None = None,
        energy_source: str = "",
        identity: str = "",
        begun: Begun | None = None,
    ) -> None:
        if begun is None:
            software = software_version or installed_version()
            metadata = start_metadata(raw_start, card, engine, software, energy, energy_source)
            names = f"{identity} {raw_start['uid']} {card.sha256}"
            self._namespace = uuid5(_UIDS, names) if identity else None
            uid = str(self._namespace) if self._namespace else None
            self._bundle = compose_run(uid=uid, metadata=metadata, validate=False)
        else:
            self._namespace = UUID(begun.start["uid"])
            metadata = {key: v for key, v in begun.start.items() if key not in ("uid", "time")}
            uid, when = begun.start["uid"], begun.start["time"]
            self._bundle = compose_run(uid=uid, time=when, metadata=metadata, validate=False)
        self._model = f"{card.name}-{card.version}"
        self._energy = energy, energy_source
        self._raw_data_keys = raw_data_keys
        self._carried: dict[str, str] = {}
        self._descriptor: ComposeDescriptorBundle | None = None
        self._last = 0
        self._events = 0
        if begun is not None:
            self._go_on(begun)

    def _go_on(self, begun: Begun) -> None:
        self._last, self._events, self._carried = begun.last, begun.events, dict(begun.carried)
        if begun.descriptor is not None:
            known = {key: v for key, v in begun.descriptor.items() if key != "run_start"}
            self._descriptor = self._bundle.compose_descriptor(**known, validate=False)

    def begun(self) -> Begun:
        """What was composed so far."""
        descriptor = self._descriptor.descriptor_doc if self._descriptor else None
        return Begun(self._bundle.start_doc, descriptor, self._carried, self._last, self._events)

    @property
    def uid(self) -> str:
        """Of this run, not of the raw one."""
        return self._bundle.start_doc["uid"]

    def start(self) -> tuple[str, Document]:
        """The start document; the first to be published."""
        return "start", self._bundle.start_doc

    def event(
        self,
        prediction: Prediction,
        metadata: Mapping[str, Any] | None = None,
        *,
        energy: float | None = None,
        energy_source: str = "",
    ) -> list[tuple[str, Document]]:
        """The event that answers one raw event, after the descriptor if it is the first.

        Its `seq_num` is the raw one, so that the two streams join on it also where there are gaps;
        an event without a raw `seq_num` takes the next number.

        metadata: `Pattern.metadata`; its ``data`` are carried along under ``raw_…``.
        energy: keV of this event's pattern and where that was read; else the run's.
        """
        data = (metadata or {}).get("data", {})
        documents: list[tuple[str, Document]] = []
        if self._descriptor is None:
            self._descriptor = self._describe(data)
            documents.append(("descriptor", self._descriptor.descriptor_doc))
        seq_num = prediction.origin.seq_num
        seq_num = self._last + 1 if seq_num is None else int(seq_num)
        self._last = max(self._last, seq_num)
        self._events += 1
        if energy is None:
            energy, energy_source = self._energy
        keys = self._descriptor.descriptor_doc["data_keys"]
        values = answer_data(prediction, seq_num, energy, energy_source)
        values |= carried_data(data, self._carried, cast("Mapping[str, Any]", keys))
        now = time.time()
        timestamps = dict.fromkeys(values, now) | self._raw_times(metadata or {})
        event = self._descriptor.compose_event(
            uid=self._uid(f"event {values['raw_descriptor_uid']} {seq_num}"),
            data=values,
            timestamps=timestamps,
            seq_num=seq_num,
            time=now,
            validate=False,
        )
        return [*documents, ("event", event)]

    def stop(
        self, account: Account, exit_status: str = "success", reason: str = ""
    ) -> list[tuple[str, Document]]:
        """The stop document, with `account`; exit status and reason are the raw run's."""
        stop = self._bundle.compose_stop(
            uid=self._uid("stop"),
            exit_status=exit_status_of(exit_status),
            reason=reason,
            validate=False,
        )
        # event-model takes the last seq_num for the count, which is wrong where there are gaps.
        counted = {"num_events": {STREAM: self._events} if self._descriptor else {}}
        return [("stop", {**stop, **counted, **stop_account(account)})]

    def _describe(self, data: Mapping[str, Any]) -> ComposeDescriptorBundle:
        raw_keys = self._raw_data_keys
        if raw_keys is None:
            raw_keys = keys_of_values(data)
        self._carried = carried_keys(raw_keys)
        keys = answer_keys(self._model)
        keys |= {name: carried_data_key(raw_keys[raw]) for raw, name in self._carried.items()}
        return self._bundle.compose_descriptor(
            uid=self._uid("descriptor"),
            name=STREAM,
            data_keys=keys,
            hints={STREAM: {"fields": HINTED}},
            object_keys={STREAM: list(keys)},
            validate=False,
        )

    def _uid(self, name: str) -> str | None:
        """None: event-model takes a random one."""
        return str(uuid5(self._namespace, name)) if self._namespace else None

    def _raw_times(self, metadata: Mapping[str, Any]) -> dict[str, float]:
        times = metadata.get("timestamps", {})
        return {
            name: float(times[raw])
            for raw, name in self._carried.items()
            if isinstance(times.get(raw), int | float)
        }


def installed_version() -> str:
    """Version of this package; empty where it runs uninstalled."""
    try:
        return version("alphadiffract-stream")
    except PackageNotFoundError:
        return ""
