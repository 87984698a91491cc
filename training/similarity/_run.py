"""Families over a pool of processes, a part at a time; what is done is not done again."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import pdist

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.simulation import StructureError

from ..structures import StructureRecord
from ._clusters import clusters
from ._families import Families
from ._fingerprint import fingerprint

PART = 16
"""Families in a part: minutes, not hours, are lost when a run is killed."""

Member = tuple[int, StructureRecord]
Job = tuple[Path, list[tuple[str, list[Member]]], float]


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """One family: which of its members are the same crystal."""

    family: str
    sets: list[int]
    """Set of each member that has a fingerprint."""
    identifiers: list[str]
    clusters: list[int]
    distances: list[float]
    """Between all pairs, as scipy's pdist orders them."""
    failed: dict[str, str]
    """Members without a fingerprint, and why."""


def compare(
    families: Families,
    folder: Path,
    *,
    threshold: float,
    processes: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[FamilyResult]:
    """Cluster each family. A family of one needs no fingerprint: it is unique.

    Parts lie in `folder`; raises ConfigurationError where those there are of another comparison.
    `progress` gets numbers of families.
    """
    _begin(folder, families, threshold)
    chosen = list(families)
    alone = [f for f in chosen if len(f[1]) == 1]
    several = [f for f in chosen if len(f[1]) > 1]
    results = [_unique(name, members[0]) for name, members in alone]
    progress(len(alone))
    jobs = [
        (folder / f"{first // PART:06d}.json", several[first : first + PART], threshold)
        for first in range(0, len(several), PART)
    ]
    waiting = [job for job in jobs if not job[0].exists()]
    done = [job for job in jobs if job[0].exists()]
    progress(sum(len(job[1]) for job in done))
    for size in _sizes(waiting, processes):
        progress(size)
    for path, _, _ in jobs:
        rows = json.loads(path.read_text(encoding="utf-8"))
        results += [FamilyResult(**row) for row in rows]
    return results


def family_result(name: str, members: list[Member], threshold: float) -> FamilyResult:
    """Fingerprints and clusters of one family."""
    found, failed = [], {}
    for number, record in members:
        try:
            found.append((number, record.identifier, fingerprint(record)))
        except StructureError as error:
            failed[record.identifier] = str(error)
    if not found:
        return FamilyResult(name, [], [], [], [], failed)
    prints = np.array([values for _, _, values in found])
    return FamilyResult(
        name,
        [number for number, _, _ in found],
        [identifier for _, identifier, _ in found],
        clusters(prints, threshold).tolist(),
        pdist(prints).round(4).tolist(),
        failed,
    )


def _unique(name: str, member: Member) -> FamilyResult:
    return FamilyResult(name, [member[0]], [member[1].identifier], [0], [], {})


def _sizes(jobs: list[Job], processes: int) -> Iterator[int]:
    if processes == 1:
        yield from map(_part, jobs)
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            yield from pool.map(_part, jobs)


def _part(job: Job) -> int:
    path, families, threshold = job
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    rows = [asdict(family_result(name, members, threshold)) for name, members in families]
    half = path.with_suffix(".tmp")
    half.write_text(json.dumps(rows), encoding="utf-8")
    half.replace(path)
    return len(families)


def _begin(folder: Path, families: Families, threshold: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    structures = sum(len(members) for _, members in families)
    plan = json.dumps([list(families.sets), len(families), structures, threshold, PART])
    written = folder / "plan.json"
    if written.exists() and written.read_text(encoding="utf-8") != plan:
        raise ConfigurationError(
            f"{folder}: parts of another comparison; remove the folder or name another output"
        )
    written.write_text(plan, encoding="utf-8")
