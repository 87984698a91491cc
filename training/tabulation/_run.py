"""A whole tabulation: chunk by chunk, each kept in a file until all are there."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

from alphadiffract_stream.errors import AlphaDiffractError

from ..curation import Entry, Source
from ..reflections import ReflectionStore
from ..structures import ReflectionEngine
from ._chunk import Chunk, LeftOut, tabulate_entries
from ._executors import ordered
from ._parts import Parts

CHUNK = 256
"""Entries; some seconds of work."""


@dataclass(frozen=True, slots=True, eq=False)
class Tabulation:
    """All tables, and everything that has none."""

    store: ReflectionStore
    left_out: list[LeftOut]

    def counts(self) -> Counter[str]:
        """How many fell at which rule."""
        return Counter(item.rule for item in self.left_out)

    def write_left_out(self, path: Path) -> None:
        """Every structure without a table, by name, as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["identifier", "rule", "detail"])
            rows.writerows((i.identifier, i.rule, i.detail) for i in self.left_out)


def tabulate_sources(
    sources: Iterable[Source],
    parts: Path,
    executor: Executor,
    workers: int,
    *,
    engine: ReflectionEngine = "builtin",
    every: int = 1,
    chunk: int = CHUNK,
    progress: Callable[[int, int], None] = lambda entries, left_out: None,
) -> Tabulation:
    """Tables of every structure of `sources`, or of one in `every`.

    Finished chunks lie in the folder `parts` until the caller has saved the result and removes
    it; run again after a kill, those are not computed anew. `progress` is told entries done and
    structures left out. Raises AlphaDiffractError where no structure passes or a worker dies.
    """
    kept = Parts(parts)
    entries = islice(chain.from_iterable(s.entries() for s in sources), 0, None, every)
    numbered = enumerate(_chunks(entries, chunk))
    work = partial(tabulate_entries, engine=engine)
    stores: list[ReflectionStore] = []
    left_out: list[LeftOut] = []

    def submit(item: tuple[int, list[Entry]]) -> Callable[[], tuple[int, Chunk]]:
        number, rows = item
        digest = _digest(rows, engine)
        before = kept.load(number, digest)
        if before is not None:
            return lambda: (len(rows), before)
        future = executor.submit(work, rows)

        def finish() -> tuple[int, Chunk]:
            result = future.result()
            kept.save(number, digest, result)
            return len(rows), result

        return finish

    try:
        for size, result in ordered(submit, numbered, 2 * workers):
            stores += [result.store] if result.store is not None else []
            left_out += result.left_out
            progress(size, len(result.left_out))
    except BrokenProcessPool:
        raise AlphaDiffractError(
            "a worker process died, of memory perhaps; run the same command again to go on, "
            "with fewer --processes"
        ) from None
    if not stores:
        told = "; ".join(f"{i.identifier}: {i.detail or i.rule}" for i in left_out[:3])
        raise AlphaDiffractError(f"none of {len(left_out)} structures has a table ({told})")
    return Tabulation(ReflectionStore.concatenate(stores), left_out)


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _digest(entries: list[Entry], engine: ReflectionEngine) -> str:
    """Of what a chunk is computed from; a changed CIF has another size or time."""
    digest = hashlib.blake2b(engine.encode(), digest_size=16)
    for entry in entries:
        digest.update(f"{entry.kind}\0{entry.name}\0{entry.content}\0{entry.member}\n".encode())
        if entry.kind != "line":
            stat = Path(entry.content).stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()
