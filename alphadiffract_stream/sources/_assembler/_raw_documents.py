"""Raw Bluesky documents as far as the assembler reads them; everything else is carried along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...errors import DecodeError


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


Uid = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line, as it goes into the log."""
Time = Annotated[float, BeforeValidator(_plain), Field(allow_inf_nan=False)]
SeqNum = Annotated[int, BeforeValidator(_plain), Field(ge=0, lt=2**53, strict=True)]


class Document(BaseModel):
    """What every one of them allows: more fields than are read."""

    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)


T = TypeVar("T", bound=Document)


class Start(Document):
    """A run begins."""

    uid: Uid
    time: Time


class DataKey(Document):
    """What one column of the events holds."""

    dtype: str = ""
    shape: list[int | None] | None = None
    units: str | None = None
    source: str | None = None
    external: str | None = None
    object_name: str | None = None

    @property
    def one_dimensional(self) -> bool:
        """Whether this may hold a pattern; leading axes of length one do not count."""
        return self.dtype == "array" and (
            not self.shape or all(n in (1, None) for n in self.shape[:-1])
        )

    @property
    def two_dimensional(self) -> bool:
        """Whether this may hold frames of a detector, one an event."""
        rows, columns = (self.shape or [])[-2:] if len(self.shape or []) > 1 else (None, None)
        return self.dtype == "array" and not self.one_dimensional and None not in (rows, columns)

    @property
    def size(self) -> int | None:
        """Number of values, where the shape says."""
        return self.shape[-1] if self.shape else None


class Configuration(Document):
    """How one object was set up."""

    data: dict[str, Any] = {}
    data_keys: dict[str, DataKey] = {}


class Descriptor(Document):
    """The columns of one stream of events."""

    uid: Uid
    run_start: Uid
    time: Time
    name: str = "primary"
    data_keys: dict[str, DataKey]
    object_keys: dict[str, list[str]] = {}
    configuration: dict[str, Configuration] = {}
    hints: dict[str, Any] = {}

    @property
    def hinted(self) -> set[str]:
        """Keys that some object says are worth a plot."""
        fields = (h.get("fields") for h in self.hints.values() if isinstance(h, Mapping))
        lists = (names for names in fields if isinstance(names, list | tuple))
        return {name for names in lists for name in names if isinstance(name, str)}

    def object_of(self, key: str) -> str | None:
        """The object `key` belongs to."""
        for name, keys in self.object_keys.items():
            if key in keys:
                return name
        data_key = self.data_keys.get(key)
        return data_key.object_name if data_key else None


class EventHead(Document):
    """What one row says of itself."""

    uid: Uid
    descriptor: Uid
    time: Time
    seq_num: SeqNum


class Event(EventHead):
    """One row."""

    data: dict[str, Any]
    timestamps: dict[str, Any] = {}
    filled: dict[str, Any] = {}


class Stop(Document):
    """A run ends."""

    run_start: Uid
    exit_status: str = "success"
    reason: str | None = ""
    num_events: dict[str, Annotated[int, BeforeValidator(_plain), Field(ge=0, lt=2**53)]] | None = (
        None
    )


def read(model: type[T], document: Mapping[str, Any]) -> T:
    """`document` as a `model`. Raises DecodeError naming the field at fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "document"
        value = repr(first["input"])
        shown = f" ({value[:60]})" if first["type"] != "missing" else ""
        raise DecodeError(f"{field}{shown}: {first['msg']}") from None


def unpack_page(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Event documents of an event_page, unchecked. Raises DecodeError for ragged columns."""
    try:
        uids, times, seq_nums = (list(page[k]) for k in ("uid", "time", "seq_num"))
        columns = {k: dict(page.get(k) or {}) for k in ("data", "timestamps", "filled")}
        lengths = {len(c) for part in columns.values() for c in part.values()}
        if {len(times), len(seq_nums), *lengths} - {len(uids)}:
            raise DecodeError(f"columns of unequal length for {len(uids)} events")
        for i, uid in enumerate(uids):
            rows = {k: {key: c[i] for key, c in part.items()} for k, part in columns.items()}
            yield {
                "uid": uid,
                "time": times[i],
                "seq_num": seq_nums[i],
                "descriptor": page["descriptor"],
                **rows,
            }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(f"no event page: {type(error).__name__} {error}") from None
