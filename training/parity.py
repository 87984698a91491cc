"""How near the simulation and both drawing engines come to GSAS-II, structure by structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH
from alphadiffract_stream.simulation import (
    Profile,
    Reflections,
    UnitCellContents,
    integrated_intensity,
    read_cif,
    reflections,
    simulate,
)

from .patterns import PAPER
from .patterns.compiled import clean_pattern
from .patterns.device import DeviceDrawer, clean_patterns, draw_plan
from .reflections import ReflectionStore, SymmetryTables
from .structures import ReflectionEngine

D_MIN, D_MAX = (GRID_WAVELENGTH / 2 / np.sin(np.radians(x)) for x in (10.0, 2.5))
INTENSITY_GOAL, PATTERN_GOAL = 1e-3, 2e-3
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Parity:
    """Of one structure, against GSAS-II; patterns with their largest point scaled to 1."""

    structure: str
    reflections: int
    intensity_rms: float
    """√(Σ(I − I₀)² / ΣI₀²) over the integrated intensities, each set scaled to its sum."""
    exact: float
    """Largest difference of any point of any pattern: the exact sum, `simulation.simulate`."""
    compiled: float
    """The same of the windowed peaks that the compiled engine draws."""
    fourier: float
    """The same of the Fourier sum that the torch engine draws."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def passed(self) -> bool:
        """Whether the exact engine is within its goals."""
        return self.intensity_rms <= INTENSITY_GOAL and self.exact <= PATTERN_GOAL


def compare_all(golden: Path, engine: ReflectionEngine = "builtin") -> Iterator[Parity]:
    """Parity of every ``NAME.npz`` in `golden` whose structure is ``cif/NAME.cif``.

    Raises FileNotFoundError where there is none; ImportError for `gsas2` without GSAS-II.
    """
    files = sorted(golden.glob("*.npz"))
    if not files:
        raise FileNotFoundError(f"{golden}: no *.npz golden patterns")
    symmetry = SymmetryTables.derived()
    for path in files:
        with np.load(path) as arrays:
            expected = {name: arrays[name] for name in ("params", "y", "d", "intensity")}
        contents = read_cif(path.parent / "cif" / f"{path.stem}.cif")
        yield compare(path.stem, contents, expected, symmetry, engine)


def compare(
    name: str,
    contents: UnitCellContents,
    expected: dict[str, NDArray[np.float64]],
    symmetry: SymmetryTables,
    engine: ReflectionEngine = "builtin",
) -> Parity:
    """One structure: params (k, ≥ 5) microstrain, size, U, V, W; y (k, 8192); d, intensity (n,)."""
    microstrain, size, u, v, w = expected["params"][:, :5].T
    profiles = [
        Profile(size=s, microstrain=m, U=a, V=b, W=c)
        for s, m, a, b, c in zip(size, microstrain, u, v, w, strict=True)
    ]
    if engine == "gsas2":
        from .gsas2 import calculator

        table = calculator().reflections(contents, D_MIN, D_MAX)
        exact = calculator().patterns(contents, profiles)
    else:
        table = reflections(contents, D_MIN, D_MAX)
        exact = np.array([simulate(table, GRID_TWO_THETA, GRID_WAVELENGTH, p) for p in profiles])
    broadening = np.stack([size, microstrain, u, v, w], axis=1)
    store = _store(table)
    compiled = np.array([clean_pattern(store, symmetry, 0, tuple(row)) for row in broadening])
    drawer = DeviceDrawer(store, symmetry, PAPER, CPU)
    plan = draw_plan(store, np.zeros(len(size), np.int64), PAPER, np.random.default_rng(0))
    fourier = clean_patterns(drawer, plan, broadening, CPU).numpy()
    return Parity(
        structure=name,
        reflections=len(table),
        intensity_rms=_intensity_rms(table, expected["d"], expected["intensity"]),
        exact=_largest(exact, expected["y"]),
        compiled=_largest(compiled, expected["y"]),
        fourier=_largest(fourier, expected["y"]),
    )


def _intensity_rms(table: Reflections, d: NDArray[Any], intensity: NDArray[Any]) -> float:
    two_theta = 2 * np.degrees(np.arcsin(GRID_WAVELENGTH / 2 / table.d))
    own = _by_spacing(table.d, integrated_intensity(table, two_theta, 0.99))
    reference = _by_spacing(d, intensity)
    if len(own) != len(reference):
        return float("inf")
    own, reference = own / own.sum(), reference / reference.sum()
    return float(np.sqrt(((own - reference) ** 2).sum() / (reference**2).sum()))


def _by_spacing(d: NDArray[Any], intensity: NDArray[Any]) -> NDArray[np.float64]:
    """Intensity summed over reflections of equal d, in order of d."""
    _, index = np.unique(np.round(d, 4), return_inverse=True)
    return np.asarray(np.bincount(index, weights=intensity), dtype=np.float64)


def _largest(patterns: NDArray[Any], reference: NDArray[Any]) -> float:
    own, other = (p / p.max(axis=1, keepdims=True) for p in (patterns, reference))
    return float(np.abs(own - other).max())


def _store(table: Reflections) -> ReflectionStore:
    return ReflectionStore(
        identifier=np.array(["golden"]),
        family=np.zeros(1, dtype=np.uint64),
        space_group_number=np.array([table.space_group_number], dtype=np.uint8),
        cell=np.array([table.cell], dtype=np.float32),
        to_niggli=np.eye(3, dtype=np.float32)[None],
        offsets=np.array([0, len(table)]),
        hkl=table.hkl.astype(np.int8),
        strength=(table.multiplicity * table.f_squared / table.volume**2).astype(np.float32),
        theoretical=np.zeros(1, dtype=np.bool_),
    )
