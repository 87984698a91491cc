"""One shard in a file, HDF5 or Zarr: written aside and renamed, so that it is whole or absent."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.errors import ConfigurationError

from ._draw import Drawn

COLUMNS = ("pattern", "space_group", "lattice", "structure", "parameters")
Format = Literal["hdf5", "zarr"]
SUFFIX: dict[Format, str] = {"hdf5": ".h5", "zarr": ".zarr"}


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """What the list of shards says of one."""

    name: str
    patterns: int
    identifier: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def shard_path(folder: Path, number: int, kind: Format) -> Path:
    """Where shard `number` lies."""
    return folder / f"shard-{number:05d}{SUFFIX[kind]}"


def write_shard(path: Path, drawn: Drawn, rows_a_chunk: int, attributes: dict[str, Any]) -> None:
    """Write `drawn` to `path` by its suffix; chunks hold the patterns of one structure."""
    part = path.with_name(path.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    texts = {
        "identifier": json.dumps(drawn.identifier),
        "left_out": json.dumps(drawn.left_out),
        **{name: json.dumps(value) for name, value in attributes.items()},
    }
    arrays = {name: getattr(drawn, name) for name in COLUMNS}
    if path.suffix == ".zarr":
        group = _zarr().open_group(part, mode="w")
        for name, array in arrays.items():
            group.create_array(name, data=array, chunks=_chunks(array, rows_a_chunk))
        group.attrs.update(texts)
    else:
        with h5py.File(part, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, chunks=_chunks(array, rows_a_chunk))
            file.attrs.update(texts)
    part.replace(path)


def _chunks(array: NDArray[Any], rows: int) -> tuple[int, ...]:
    return (max(1, min(rows, len(array))), *(array.shape[1:]))


def shard_info(path: Path) -> ShardInfo:
    """Of a shard that is there."""
    with opened(path) as shard:
        return ShardInfo(
            path.name,
            int(shard["pattern"].shape[0]),
            tuple(json.loads(shard.attrs["identifier"])),
            tuple((name, reason) for name, reason in json.loads(shard.attrs["left_out"])),
        )


class opened:  # noqa: N801  reads as a verb: with opened(path) as shard
    """A shard open for reading; arrays by name, `attrs`."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path) if path.suffix == ".h5" else None
        self._shard = self._file or _zarr().open_group(path, mode="r")

    def __enter__(self) -> Any:
        return self._shard

    def __exit__(self, *failure: object) -> None:
        if self._file is not None:
            self._file.close()


def join_virtually(folder: Path, shards: list[ShardInfo]) -> Path:
    """``all.h5``: every column of all HDF5 shards as one, without copying a number."""
    path = folder / "all.h5"
    total = sum(shard.patterns for shard in shards)
    with h5py.File(path, "w") as file, opened(folder / shards[0].name) as first:
        for name in COLUMNS:
            like = np.asarray(first[name][:1])
            layout = h5py.VirtualLayout((total, *like.shape[1:]), like.dtype)
            begin = 0
            for shard in shards:
                rows = (shard.patterns, *like.shape[1:])
                source = h5py.VirtualSource(shard.name, name, rows, like.dtype)
                layout[begin : begin + shard.patterns] = source
                begin += shard.patterns
            file.create_virtual_dataset(name, layout, fillvalue=0)
    return path


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ConfigurationError(
            "format: zarr is not installed; pip install 'alphadiffract-stream[zarr]'"
        ) from None
    return zarr
