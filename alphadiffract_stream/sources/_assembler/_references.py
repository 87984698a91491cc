"""Where external data lies: what resource, datum and stream documents of one run say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import Field

from ...errors import DecodeError
from ._raw_documents import Document, read
from ._series import file_of_series

_HDF5 = "application/x-hdf5"
_DATASET = "/entry/data/data"
"""Where areaDetector's file writer puts its frames."""
SERIES = "multipart/related"
"""A file for each event; what follows ``;type=`` is left to the files' ending."""
_SPECS = {
    "AD_HDF5": _HDF5,
    "AD_HDF5_SWMR": _HDF5,
    "AD_HDF5_SWMR_STREAM": _HDF5,
    "AD_TIFF": SERIES,
    "AD_CBF": SERIES,
}
"""Names of resources and the type of file each stands for."""
Shape = tuple[int | None, ...]

_MOST_DATUMS = 200_000
MOST_ROWS = 100_000
"""Events a stream_datum may announce, and that may wait for one: the document is small."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One event's share of one file."""

    uri: str
    mimetype: str
    """Empty where the resource's spec is not one that is read."""
    spec: str
    dataset: str
    index: int
    """Row of a dataset that has one for each event, or number of the frames below."""
    shape: Shape
    """Of one event's value, as its data key says."""
    frames: int | None = None
    """Frames an event has, where they are known to lie one after the other."""


class _Span(Document):
    start: int = Field(ge=0, lt=2**53)
    stop: int = Field(ge=0, lt=2**53)


class StreamResource(Document):
    """A file that holds a data key of many events."""

    uid: str
    data_key: str
    mimetype: str = ""
    uri: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    spec: str = ""
    root: str = ""
    resource_path: str = ""
    resource_kwargs: dict[str, Any] = Field(default_factory=dict)


class StreamDatum(Document):
    """Which rows of it have come, and whose events they are."""

    uid: str
    stream_resource: str
    descriptor: str
    indices: _Span
    seq_nums: _Span


class Resource(Document):
    """A file, in the older form."""

    uid: str
    spec: str
    root: str = ""
    resource_path: str
    resource_kwargs: dict[str, Any] = Field(default_factory=dict)


class Datum(Document):
    """One event's share of it."""

    datum_id: str
    resource: str
    datum_kwargs: dict[str, Any] = Field(default_factory=dict)


@dataclass(slots=True)
class References:
    """Everything that was said of external data in one run."""

    _resources: dict[str, Resource] = field(default_factory=dict)
    _datums: dict[str, Datum] = field(default_factory=dict)
    _stream_resources: dict[str, StreamResource] = field(default_factory=dict)
    _stream_datums: dict[tuple[str, str], list[StreamDatum]] = field(default_factory=dict)
    """By descriptor and data key."""

    def holds(self, doc: Mapping[str, Any]) -> bool:
        """Whether a datum or datum page belongs to a resource of this run."""
        uid = doc.get("resource")
        return isinstance(uid, str) and uid in self._resources

    def take(self, name: str, doc: Mapping[str, Any]) -> StreamDatum | None:
        """Note one document; returns it if it says that rows have come. Raises DecodeError."""
        match name:
            case "resource":
                resource = read(Resource, doc)
                self._resources[resource.uid] = resource
            case "stream_resource":
                stream_resource = read(StreamResource, doc)
                self._stream_resources[stream_resource.uid] = stream_resource
            case "datum":
                self._add(read(Datum, doc))
            case "datum_page":
                for row in _unpack(doc):
                    self._add(read(Datum, row))
            case "stream_datum":
                return self._came(read(StreamDatum, doc))
        return None

    def of_datum(self, datum_id: str, shape: Shape) -> Reference | None:
        """Where the datum of this id lies; None while its documents have not come."""
        datum = self._datums.get(datum_id)
        resource = self._resources.get(datum.resource) if datum else None
        if datum is None or resource is None:
            return None
        said = {**resource.resource_kwargs, **datum.datum_kwargs}
        place, mimetype = _joined(resource.root, resource.resource_path), _SPECS.get(resource.spec)
        if mimetype == SERIES:
            # Pilatus counts its files from 1.
            first = _whole(said.get("initial_number", 1 if resource.spec == "AD_CBF" else 0))
            per_point = max(1, _whole(said.get("frame_per_point", 1)))
            number = first + per_point * _whole(said.get("point_number", 0))
            place, mimetype = _in_series(place.rstrip("/") + "/", said, number)
        return Reference(
            place,
            mimetype or "",
            resource.spec,
            str(said.get("dataset") or said.get("path") or _DATASET),
            _whole(said.get("point_number", 0)),
            shape,
            max(1, _whole(said.get("frame_per_point", 1))),
        )

    def of_row(self, descriptor: str, key: str, seq_num: int, shape: Shape) -> Reference | None:
        """Where this data key of this event lies; None while no document has said so."""
        # From the end: the row asked for is nearly always the latest.
        for datum in reversed(self._stream_datums.get((descriptor, key), [])):
            if datum.seq_nums.start <= seq_num < datum.seq_nums.stop:
                resource = self._stream_resources[datum.stream_resource]
                said = {**resource.resource_kwargs, **resource.parameters}
                place = resource.uri or _joined(resource.root, resource.resource_path)
                mimetype = resource.mimetype or _SPECS.get(resource.spec, "")
                index = datum.indices.start + seq_num - datum.seq_nums.start
                if mimetype.partition(";")[0] == SERIES:
                    number = index - self._before(descriptor, key, datum)
                    place, mimetype = _in_series(place, said, number)
                return Reference(
                    place,
                    mimetype,
                    resource.spec,
                    str(said.get("dataset") or said.get("path") or _DATASET),
                    index,
                    shape,
                )
        return None

    def _before(self, descriptor: str, key: str, datum: StreamDatum) -> int:
        """Rows of the series before this one: each counts its files anew."""
        spans = self._stream_datums[descriptor, key]
        if spans[0].stream_resource == datum.stream_resource:
            return 0
        same = (one for one in spans if one.stream_resource == datum.stream_resource)
        return next(same).indices.start

    def _add(self, datum: Datum) -> None:
        self._datums[datum.datum_id] = datum
        if len(self._datums) > _MOST_DATUMS:
            del self._datums[next(iter(self._datums))]

    def _came(self, datum: StreamDatum) -> StreamDatum:
        resource = self._stream_resources.get(datum.stream_resource)
        if resource is None:
            raise DecodeError(f"its stream_resource {datum.stream_resource} never came")
        rows = datum.indices.stop - datum.indices.start
        if rows > MOST_ROWS:
            raise DecodeError(f"{rows} rows in one document; at most {MOST_ROWS} are followed")
        if rows != datum.seq_nums.stop - datum.seq_nums.start:
            raise DecodeError(
                f"{rows} rows for seq_num {datum.seq_nums.start}…{datum.seq_nums.stop - 1}; "
                "there must be one for each event"
            )
        spans = self._stream_datums.setdefault((datum.descriptor, resource.data_key), [])
        spans.append(datum)
        return datum


def _unpack(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        kwargs = dict(page.get("datum_kwargs") or {})
        for i, datum_id in enumerate(page["datum_id"]):
            row = {key: column[i] for key, column in kwargs.items()}
            yield {"datum_id": datum_id, "resource": page["resource"], "datum_kwargs": row}
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise DecodeError(f"no datum page: {type(error).__name__} {error}") from None


def _joined(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path.lstrip('/')}" if root else path


def _in_series(place: str, said: Mapping[str, Any], number: int) -> tuple[str, str]:
    """File `number` of the series at `place`, and its type; that is empty, and the reason stands
    in place of the file, where there is no such series."""
    template, filename = said.get("template"), said.get("filename", "")
    try:
        if not isinstance(template, str) or not isinstance(filename, str):
            raise DecodeError(f"template {template!r:.60}, filename {filename!r:.60}")
        name = file_of_series(template, filename, number)
    except DecodeError as error:
        return f"{place} with {error}", ""
    return place + (name.lstrip("/") if place.endswith("/") else name), SERIES


def _whole(value: Any) -> int:
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DecodeError(f"{value!r:.60}: a whole number is needed")
    return value
