"""What is fuzzed. A target returns, or raises nothing but `Refused` errors inside itself."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgpack
from pydantic import ValidationError

from alphadiffract_stream.engines._triton._options import TritonOptions
from alphadiffract_stream.errors import ConfigurationError, DecodeError, PatternError
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern
from alphadiffract_stream.prediction import ModelCard
from alphadiffract_stream.service import Settings
from alphadiffract_stream.sources import (
    Hdf5Reader,
    PatternReceived,
    PatternRefused,
    read_results,
)
from alphadiffract_stream.sources import _bluesky_zmq as documents_source
from alphadiffract_stream.sources import _frames as frames_source
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from alphadiffract_stream.sources._hdf5_process._answers import UNEXPECTED
from alphadiffract_stream.sources._hdf5_process._framing import receive_answer
from alphadiffract_stream.sources._messages import Dropped, Message, RunStarted, RunStopped
from alphadiffract_stream.urls import parse_url
from alphadiffract_stream.wire import decode_message, decode_pair, read_options
from alphadiffract_stream.wire._limits import check_msgpack

from ._choices import Choices, spoil
from ._seeds import AXIS, INTENSITY

KINDS = (RunStarted, PatternReceived, PatternRefused, RunStopped, Dropped)


def wire(data: bytes) -> None:
    """One message of Bluesky's 0MQ."""
    with contextlib.suppress(DecodeError):
        decode_message(data)


def pair(data: bytes) -> None:
    """One message of Kafka."""
    with contextlib.suppress(DecodeError):
        decode_pair(data)


def msgpack_limits(data: bytes) -> None:
    """What msgpack reads, the walk over its bytes must let through, but for its limits."""
    try:
        check_msgpack(data)
    except DecodeError as error:
        if "at most" not in str(error):
            with contextlib.suppress(Exception):
                msgpack.unpackb(data, strict_map_key=False, ext_hook=lambda *_: None)
                raise SystemError(f"refused what can be read: {error}") from None


def frames(data: bytes) -> None:
    """Header and arrays: two bytes say how long the header is."""
    reader = frames_source.FrameReader("fuzz", 0.5, 2**20)
    length = int.from_bytes(data[:2], "big")
    header, rest = data[2 : 2 + length], data[2 + length :]
    third = len(rest) // 3
    for arrays in ([rest], [rest[:third], rest[third : 2 * third], rest[2 * third :]]):
        _follow(reader.read([header, *arrays]))
    _follow(reader.finish())


def documents(data: bytes) -> None:
    """A good run, spoilt and shuffled as the bytes choose."""
    choices = Choices(data)
    now = 0.0
    keys = PatternKeys(intensity=choices.one(["det_intensity", "far_intensity", None]))
    reader = Assembler(keys, "fuzz", "here", None, clock=lambda: now, external=True)
    run = _run()
    for _ in range(1 + choices.number(3)):
        at = choices.number(len(run) - 1)
        name, document = run[at]
        match choices.number(5):
            case 0:
                run.append(run.pop(at))
            case 1:
                run.insert(choices.number(len(run)), run[at])
            case _:
                run[at] = name, spoil(document, choices)
    for name, document in run:
        now += choices.number(3)
        _follow(reader.feed(name, document))
    _follow(reader.expire())
    _follow(reader.finish())


def settings(data: bytes) -> None:
    """The file of settings."""
    with contextlib.suppress(ConfigurationError):
        Settings.load(_file(data, ".toml"))


def urls(data: bytes) -> None:
    """URLs and the options in them."""
    with contextlib.suppress(ConfigurationError):
        url = parse_url(data.decode("utf-8", errors="replace"))
        for options in (documents_source.Options, frames_source.Options):
            with contextlib.suppress(ConfigurationError):
                read_options(options, url)
        with contextlib.suppress(ConfigurationError):
            TritonOptions.of(url)
        assert url.address


def card(data: bytes) -> None:
    """A model's card."""
    with contextlib.suppress(ValidationError):
        ModelCard.model_validate_json(data)


def pattern_file(suffix: str, format: str) -> Callable[[bytes], None]:
    """A file of one format, by content and by name, and what the grid makes of its patterns."""

    def target(data: bytes) -> None:
        path = _file(data, suffix)
        for named in (None, format):
            with contextlib.suppress(PatternError):
                for result in itertools.islice(read_results(path, format=named), 4):
                    if isinstance(result, Pattern):
                        _convert(result)

    return target


def hdf5(data: bytes) -> None:
    """A whole HDF5 file, as the service reads it: what becomes of libhdf5 is no fault here."""
    if not _READERS:
        _READERS.append(Hdf5Reader(2.0))
    path = _file(data, f"-{next(_NUMBERS)}.h5")  # by name, a bad file is known again
    try:
        results = read_results(path, format="nexus", hdf5=_READERS[0])
        for result in itertools.islice(results, 16):
            if isinstance(result, Pattern):
                _convert(result)
    except PatternError as error:
        if "subverted" in str(error) or error.remedy == UNEXPECTED:
            raise SystemError(str(error)) from None
    finally:
        path.unlink()


def hdf5_answer(data: bytes) -> None:
    """What may come back from the process that reads HDF5, once a file has subverted it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(DecodeError, EOFError):
            _, arrays = receive_answer(ours, time.monotonic() + 5)
            assert all(array.dtype.kind in "biuf" for array in arrays.values())


def _follow(messages: Iterable[Message]) -> None:
    for message in messages:
        assert isinstance(message, KINDS), message
        if isinstance(message, PatternReceived):
            _convert(message.pattern)


def _convert(pattern: Pattern) -> None:
    with contextlib.suppress(PatternError):
        to_grid(pattern)


def _run() -> list[tuple[str, dict]]:
    keys = {"det_intensity": {"dtype": "array", "shape": [16], "source": "x"}}
    keys["det_tth"] = {"dtype": "array", "shape": [16], "source": "x", "units": "deg"}
    keys["far_intensity"] = {"dtype": "array", "shape": [16], "source": "x", "external": "STREAM:"}
    event = {"uid": "e1", "descriptor": "d", "time": 1.0, "seq_num": 1, "timestamps": {}}
    event["data"] = {"det_intensity": INTENSITY.tolist(), "det_tth": AXIS.tolist(), "energy": 20.0}
    page = {"uid": ["e2"], "descriptor": "d", "time": [1.0], "seq_num": [2], "timestamps": {}}
    page["data"] = {key: [value] for key, value in event["data"].items()}
    keys["energy"] = {"dtype": "number", "shape": [], "source": "x", "units": "keV"}
    far = {
        "uid": "s",
        "run_start": "r",
        "data_key": "far_intensity",
        "mimetype": "application/x-hdf5",
    }
    far |= {"uri": "file://localhost/tmp/x.h5", "parameters": {"dataset": "/a", "chunk_shape": [1]}}
    rows = {"uid": "s/0", "stream_resource": "s", "descriptor": "d"}
    rows |= {"indices": {"start": 0, "stop": 2}, "seq_nums": {"start": 1, "stop": 3}}
    return [
        ("start", {"uid": "r", "time": 1.0, "sample": {"name": "x"}, "energy": 20.0}),
        ("descriptor", {"uid": "d", "run_start": "r", "time": 1.0, "data_keys": keys}),
        ("resource", {"uid": "f", "run_start": "r", "spec": "AD_HDF5", "resource_path": "x"}),
        ("datum", {"datum_id": "f/0", "resource": "f", "datum_kwargs": {"point_number": 0}}),
        ("stream_resource", far),
        ("stream_datum", rows),
        ("event", event),
        ("event_page", page),
        ("stop", {"uid": "z", "run_start": "r", "time": 2.0, "num_events": {"primary": 2}}),
    ]


_FOLDER: list[Path] = []
_READERS: list[Hdf5Reader] = []
_NUMBERS = itertools.count()


def _file(data: bytes, suffix: str) -> Path:
    if not _FOLDER:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        _FOLDER.append(Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory)))
        atexit.register(shutil.rmtree, _FOLDER[0], ignore_errors=True)
    path = _FOLDER[0] / f"input{suffix}"
    path.write_bytes(data)
    return path


TARGETS: dict[str, Callable[[bytes], None]] = {
    "wire": wire,
    "pair": pair,
    "msgpack": msgpack_limits,
    "frames": frames,
    "documents": documents,
    "columns": pattern_file(".xye", "columns"),
    "chi": pattern_file(".chi", "chi"),
    "gsas": pattern_file(".fxye", "gsas"),
    "npy": pattern_file(".npy", "npy"),
    "nexus": pattern_file(".h5", "nexus"),
    "hdf5": hdf5,
    "hdf5_answer": hdf5_answer,
    "rruff": pattern_file(".txt", "rruff"),
    "xrdml": pattern_file(".xrdml", "xrdml"),
    "settings": settings,
    "urls": urls,
    "card": card,
}

LONGEST_OF = {"hdf5": 16_384}
"""Bytes, where what is fuzzed needs more than usual to be whole."""
