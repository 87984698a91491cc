"""A static set read again: arrays a shard at a time, or labelled patterns for evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit

from ..labelled_set import LabelledSet
from ._draw import Drawn
from ._shards import COLUMNS, ShardInfo, opened, shard_info


@dataclass(frozen=True, slots=True)
class StaticSet:
    """What `training simulate` wrote into a folder."""

    folder: Path
    settings: dict[str, Any]
    provenance: dict[str, Any]
    shards: tuple[ShardInfo, ...]

    @classmethod
    def open(cls, folder: Path) -> StaticSet:
        """Raises FileNotFoundError without a set, ValueError for one not finished."""
        path = folder / "set.json"
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: no set.json; run `python -m training simulate`")
        record = json.loads(path.read_text(encoding="utf-8"))
        if "shards" not in record:
            raise ValueError(f"{folder}: not finished; run the same `training simulate` again")
        shards = tuple(shard_info(folder / row["name"]) for row in record["shards"])
        return cls(folder, record["settings"], record["provenance"], shards)

    def __len__(self) -> int:
        return sum(shard.patterns for shard in self.shards)

    def parts(self) -> Iterator[Drawn]:
        """All patterns and labels, a shard at a time."""
        for info in self.shards:
            with opened(self.folder / info.name) as shard:
                arrays = {name: np.asarray(shard[name][:]) for name in COLUMNS}
            yield Drawn(**arrays, identifier=info.identifier, left_out=info.left_out)


class _Patterns(Sequence[Pattern]):
    """Patterns read when asked for: a set does not fit into memory."""

    def __init__(self, files: list[Path], shard: NDArray[np.int64], row: NDArray[np.int64]) -> None:
        self._files, self._shard, self._row = files, shard, row

    def __len__(self) -> int:
        return len(self._row)

    @overload
    def __getitem__(self, index: int) -> Pattern: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pattern]: ...
    def __getitem__(self, index: int | slice) -> Pattern | Sequence[Pattern]:
        if isinstance(index, slice):
            return _Patterns(self._files, self._shard[index], self._row[index])
        path, row = self._files[self._shard[index]], int(self._row[index])
        with opened(path) as shard:
            values = np.asarray(shard["pattern"][row], dtype=np.float64)
        return Pattern(
            intensity=values,
            axis=GRID_TWO_THETA,
            unit=RadialUnit.TWO_THETA_DEG,
            wavelength=GRID_WAVELENGTH,
            wavelength_source="data set",
            origin=Origin(transport="data set", name=f"{path.name}:{row}"),
        )


def read_labelled(folder: Path, every: int = 1) -> LabelledSet:
    """The set, or one pattern in `every`, as `training evaluate` wants it."""
    static = StaticSet.open(folder)
    columns: dict[str, list[NDArray[Any]]] = {n: [] for n in COLUMNS if n != "pattern"}
    names: list[str] = []
    for info in static.shards:
        with opened(static.folder / info.name) as shard:
            for name, parts in columns.items():
                parts.append(np.asarray(shard[name][:]))
        each = info.patterns // max(1, len(info.identifier))
        names += [f"{name}#{i}" for name in info.identifier for i in range(each)]
    joined = {name: np.concatenate(parts)[::every] for name, parts in columns.items()}
    counts = [info.patterns for info in static.shards]
    shard_of = np.repeat(np.arange(len(counts)), counts)[::every]
    row_of = np.concatenate([np.arange(n) for n in counts])[::every]
    files = [static.folder / info.name for info in static.shards]
    kept = names[::every]
    return LabelledSet(
        name=folder.name,
        patterns=_Patterns(files, shard_of, row_of),
        space_group=joined["space_group"].astype(np.int64),
        niggli=joined["lattice"].astype(np.float64),
        identifier=tuple(kept),
        formula=(None,) * len(kept),
        structure=joined["structure"].astype(np.int64),
        simulated="paper",
    )
