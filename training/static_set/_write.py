"""A whole set: shard by shard over an executor; what is there already is not drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError

from ..tabulation import ordered
from ._draw import PARAMETERS, draw_shard
from ._jobs import ShardJob, StaticSetSettings
from ._shards import ShardInfo, join_virtually, shard_info, shard_path, write_shard

RECORD = "set.json"


@dataclass(frozen=True, slots=True)
class ShardWriter:
    """Draws a shard and writes it, in whatever process it is sent to."""

    folder: Path
    provenance: dict[str, Any]

    def __call__(self, job: ShardJob) -> ShardInfo:
        """Done before or done now: what lies in the file."""
        path = shard_path(self.folder, job.number, job.settings.format)
        if not path.exists():
            drawn = draw_shard(job)
            attributes = {**self.provenance, "first_structure": job.first_structure}
            write_shard(path, drawn, job.settings.patterns, attributes)
        return shard_info(path)


def write_static_set(
    jobs: Iterable[ShardJob],
    folder: Path,
    settings: StaticSetSettings,
    provenance: dict[str, Any],
    executor: Executor,
    workers: int,
    *,
    progress: Callable[[ShardInfo], None] = lambda shard: None,
) -> list[ShardInfo]:
    """Write every job's shard into `folder`, then the record ``set.json`` and ``all.h5``.

    Killed at any moment, the same call goes on. Raises ConfigurationError where `folder` holds a
    set of other settings, AlphaDiffractError where there is nothing to draw.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"settings": asdict(settings), "provenance": provenance, "parameters": PARAMETERS}
    _begin(folder / RECORD, json.loads(json.dumps(record)))
    writer = ShardWriter(folder, {"settings": record["settings"], "provenance": provenance})

    def submit(job: ShardJob) -> Callable[[], ShardInfo]:
        return executor.submit(writer, job).result

    shards = []
    for shard in ordered(submit, jobs, 2 * workers):
        shards.append(shard)
        progress(shard)
    if not sum(s.patterns for s in shards):
        raise AlphaDiffractError("no structure to draw patterns of")
    record["shards"] = [asdict(shard) for shard in shards]
    _save(folder / RECORD, record)
    if settings.format == "hdf5":
        join_virtually(folder, shards)
    return shards


def _begin(path: Path, record: dict[str, Any]) -> None:
    """The record without its shards; a set begun with other settings is not mixed with."""
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        for name in ("settings", "provenance"):
            for key, value in record[name].items():
                if before[name].get(key) != value:
                    raise ConfigurationError(
                        f"{path.parent} holds a set with {key} = {before[name].get(key)!r}, not "
                        f"{value!r}; name another --output"
                    )
        return
    _save(path, record)


def _save(path: Path, record: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    part.replace(path)
