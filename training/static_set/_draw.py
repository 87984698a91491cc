"""Patterns of a shard: Table 5 broadening, noise, and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.grid import GRID_MAX, GRID_MIN, GRID_WAVELENGTH
from alphadiffract_stream.simulation import Profile, StructureError

from ..patterns import PAPER
from ..reflections import ReflectionStore, SymmetryTables
from ..structures import StructureRecord, cell_parameters, lattice_vectors, standardize, tabulate
from ..tabulation import LeftOut
from ._jobs import ShardJob
from ._noise import paper_noise

PARAMETERS = ("size", "microstrain", "U", "V", "W", "lambda_max", "sigma_rel")
"""µm, 10⁻⁶, centideg² three times, counts, share of the maximum: as drawn (paper Table 5)."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """N patterns with their labels."""

    pattern: NDArray[np.float32]
    """(N, 8192) on the canonical grid, each scaled to 0…100."""
    space_group: NDArray[np.uint8]
    """(N,) 1…230."""
    lattice: NDArray[np.float32]
    """(N, 6) Niggli a b c (Å) α β γ (°)."""
    structure: NDArray[np.int32]
    """(N,) number of the structure within the set."""
    parameters: NDArray[np.float64]
    """(N, 7), columns `PARAMETERS`; the noise's are NaN without noise."""
    identifier: tuple[str, ...]
    """Of each structure of the shard."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Identifier and reason of structures without patterns."""


def draw_parameters(identifier: str, seed: int, count: int) -> tuple[NDArray[np.float64], int]:
    """(count, 7) of one structure and a seed for its noise; the same wherever it stands."""
    digest = hashlib.blake2b(identifier.encode(), digest_size=8).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest, "little")])
    a = PAPER
    low = [a.size_min, a.microstrain_min, 0.0, a.v_min, 0.0, a.lambda_min, a.sigma_min]
    high = [a.size_max, a.microstrain_max, a.u_max, 0.0, a.w_max, a.lambda_max, a.sigma_max]
    return rng.uniform(low, high, (count, len(PARAMETERS))), int(rng.integers(2**63))


def draw_shard(job: ShardJob) -> Drawn:
    """All patterns of a shard. What cannot be computed is named in `left_out`."""
    settings = job.settings
    parts: list[tuple[str, int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    left_out: list[tuple[str, str]] = []
    for structure, crystal in enumerate(_crystals(job)):
        if isinstance(crystal, LeftOut):
            left_out.append((crystal.identifier, crystal.detail or crystal.rule))
            continue
        name = crystal.identifier[0] if isinstance(crystal, ReflectionStore) else crystal.identifier
        parameters, noise_seed = draw_parameters(str(name), settings.seed, settings.patterns)
        try:
            clean, number, lattice = _clean(crystal, parameters, job)
        except StructureError as error:
            left_out.append((str(name), str(error).removeprefix(f"{name}: ")))
            continue
        if settings.noise:
            rng = np.random.default_rng(noise_seed)
            clean = paper_noise(clean, parameters[:, 5], parameters[:, 6], rng)
        else:
            parameters[:, 5:] = np.nan
        parts.append((str(name), structure, clean, parameters, np.array([number, *lattice])))
    return _joined(parts, job, tuple(left_out))


def _crystals(job: ShardJob) -> Sequence[ReflectionStore | StructureRecord | LeftOut]:
    if isinstance(job.structures, ReflectionStore):
        return [job.structures.take(np.array([i])) for i in range(len(job.structures))]
    return job.structures


def _clean(
    crystal: ReflectionStore | StructureRecord, parameters: NDArray[np.float64], job: ShardJob
) -> tuple[NDArray[np.float64], int, NDArray[np.float64]]:
    """Noise-free patterns, space group, Niggli cell."""
    if job.settings.engine == "gsas2":
        if isinstance(crystal, ReflectionStore):
            raise ValueError("engine: gsas2 wants structures with atoms, not reflections")
        return _by_gsas2(crystal, parameters)
    store = tabulate(crystal) if isinstance(crystal, StructureRecord) else crystal
    store = _inside(store)
    return (*_by_drawer(store, parameters, job), _niggli(store))


def _inside(store: ReflectionStore) -> ReflectionStore:
    """Reflections strictly within 5–20° at 20 keV, which are all GSAS-II would draw.

    Tables reach a little farther, for strained cells. Raises StructureError where none is left.
    """
    lattice = lattice_vectors(store.cell[0].tolist())
    spacing = 1 / np.linalg.norm(store.hkl @ np.linalg.inv(lattice).T, axis=1)
    low, high = (GRID_WAVELENGTH / 2 / np.sin(np.radians(x / 2)) for x in (GRID_MAX, GRID_MIN))
    keep = (spacing > low) & (spacing < high)
    if not keep.any():
        raise StructureError("no reflections in range")
    offsets = np.array([0, keep.sum()])
    return replace(store, offsets=offsets, hkl=store.hkl[keep], strength=store.strength[keep])


def _by_drawer(
    store: ReflectionStore, parameters: NDArray[np.float64], job: ShardJob
) -> tuple[NDArray[np.float64], int]:
    import torch

    from ..patterns.device import DeviceDrawer, clean_patterns, draw_plan

    device = torch.device(job.settings.device)
    drawer = DeviceDrawer(store, _symmetry(), PAPER, device, exact=job.settings.exact)
    parts = []
    for first in range(0, len(parameters), 32):
        rows = parameters[first : first + 32, :5]
        crystals = np.zeros(len(rows), dtype=np.int64)
        plan = draw_plan(store, crystals, PAPER, np.random.default_rng(0))
        parts.append(clean_patterns(drawer, plan, rows, device).cpu().numpy())
    return np.concatenate(parts).astype(np.float64), int(store.space_group_number[0])


@lru_cache(maxsize=1)
def _symmetry() -> SymmetryTables:
    return SymmetryTables.derived()


def _by_gsas2(
    record: StructureRecord, parameters: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int, NDArray[np.float64]]:
    from ..gsas2 import calculator

    standard = standardize(record)
    profiles = [
        Profile(size=s, microstrain=m, U=u, V=v, W=w) for s, m, u, v, w in parameters[:, :5]
    ]
    patterns = calculator().patterns(standard.contents, profiles)
    if not patterns.max() > 0:
        raise StructureError("no reflections in range")
    rows = standard.to_niggli @ lattice_vectors(list(standard.contents.cell))
    return patterns, record.space_group_number, np.array(cell_parameters(rows))


def _niggli(store: ReflectionStore) -> NDArray[np.float64]:
    rows = store.to_niggli[0].astype(np.float64) @ lattice_vectors(store.cell[0].tolist())
    return np.array(cell_parameters(rows))


def _joined(
    parts: list[tuple[str, int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
    job: ShardJob,
    left_out: tuple[tuple[str, str], ...],
) -> Drawn:
    count = job.settings.patterns
    patterns = np.concatenate([p[2] for p in parts]) if parts else np.empty((0, 8192))
    low = patterns.min(axis=1, keepdims=True, initial=np.inf)
    high = patterns.max(axis=1, keepdims=True, initial=-np.inf)
    labels = np.repeat(np.array([p[4] for p in parts]).reshape(-1, 7), count, axis=0)
    numbers = [job.first_structure + p[1] for p in parts]
    return Drawn(
        pattern=(100 * (patterns - low) / np.maximum(high - low, 1e-30)).astype(np.float32),
        space_group=labels[:, 0].astype(np.uint8),
        lattice=labels[:, 1:].astype(np.float32),
        structure=np.repeat(np.array(numbers, dtype=np.int32), count),
        parameters=np.concatenate([p[3] for p in parts]) if parts else np.empty((0, 7)),
        identifier=tuple(p[0] for p in parts),
        left_out=left_out,
    )
