"""All files → the set: paired by sample, and every one that falls named with its rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern

from ._crystal import Lattice, lattice_of, niggli_of
from ._dif import DifFile, parse_dif
from ._files import sample_id
from ._rules import RULES, Dropped, RruffError
from ._xy import XyFile, parse_xy

LENGTHS, ANGLES = 0.01, 1.0
"""Relative, and degrees: how far cells of XY and DIF may differ. The paper names no number."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One pattern of the set, with its labels."""

    sample: str
    mineral: str
    formula: str
    intensity: NDArray[np.float32]
    """(8192,) on the canonical grid."""
    space_group: int
    crystal_system: str
    cell: tuple[float, ...]
    """As refined, a b c (Å) α β γ (°)."""
    niggli: tuple[float, ...] | None
    """Of the lattice subset alone."""
    calculated: bool
    wavelength: float
    """Å; of the measurement."""


@dataclass(slots=True, eq=False)
class Screening:
    """What passed and what did not."""

    entries: list[Entry] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    """Left after each of the paper's steps."""

    def counts(self) -> Counter[str]:
        """How many fell at which rule, in the paper's order."""
        found = Counter(item.rule for item in self.dropped)
        return Counter({rule: found[rule] for rule in RULES if found[rule]})


def screen(
    patterns: Iterable[tuple[str, str]],
    difs: Iterable[tuple[str, str]],
    progress: Callable[[str], None] = lambda name: None,
) -> Screening:
    """Screen (name, text) of XY and of DIF files by the paper's steps. Raises nothing for any."""
    result = Screening()
    xy_texts = dict(_by_sample(patterns, result))
    result.steps["patterns"] = len(xy_texts)
    crystals: dict[str, tuple[DifFile, Lattice]] = {}
    count = 0
    for name, text in difs:
        count += 1
        progress(name)
        with _falls(result, name):
            dif = parse_dif(text, name)
            result.steps["complete"] = result.steps.get("complete", 0) + 1
            lattice = lattice_of(dif)
            key = dif.sample or dif.name
            if key in crystals:
                raise RruffError("repeated", f"as {crystals[key][0].name}")
            crystals[key] = dif, lattice
    result.steps["DIF files"] = count
    result.steps["lattices"] = len(crystals)
    _pair(xy_texts, crystals, result, progress)
    return result


def _pair(
    xy_texts: dict[str, tuple[str, str]],
    crystals: dict[str, tuple[DifFile, Lattice]],
    result: Screening,
    progress: Callable[[str], None],
) -> None:
    paired = matched = 0
    for sample, (name, text) in xy_texts.items():
        progress(name)
        if sample not in crystals:
            result.dropped.append(Dropped(name, "no dif", sample or "no sample number"))
            continue
        paired += 1
        dif, lattice = crystals[sample]
        with _falls(result, name):
            xy = parse_xy(text, name)
            _check_same(xy, dif, lattice)
            matched += 1
            grid = _on_grid(xy.pattern, dif)
            niggli = None
            with _falls(result, dif.name):
                niggli = niggli_of(dif, lattice)
            result.entries.append(_entry(xy, dif, lattice, grid, niggli))
    for sample, (dif, _) in crystals.items():
        if sample not in xy_texts:
            result.dropped.append(Dropped(dif.name, "no pattern", sample))
    result.steps |= {"with a pattern": paired, "XY and DIF agree": matched}
    result.steps["cover 5–20° at 20 keV: for symmetry"] = len(result.entries)
    lattices = sum(entry.niggli is not None for entry in result.entries)
    result.steps["with atoms that give the peaks: for the lattice"] = lattices


class _falls:  # noqa: N801  reads as a verb
    """Takes note of a RruffError, and goes on."""

    def __init__(self, result: Screening, name: str) -> None:
        self._result, self._name = result, name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, RruffError):
            return False
        self._result.dropped.append(Dropped(self._name, error.rule, error.detail))
        return True


def _by_sample(
    files: Iterable[tuple[str, str]], result: Screening
) -> Iterator[tuple[str, tuple[str, str]]]:
    seen: dict[str, str] = {}
    for name, text in files:
        sample = sample_id(name, text) or name
        if sample in seen:
            result.dropped.append(Dropped(name, "repeated", f"as {seen[sample]}"))
            continue
        seen[sample] = name
        yield sample, (name, text)


def _check_same(xy: XyFile, dif: DifFile, lattice: Lattice) -> None:
    if xy.cell is None or not xy.crystal_system:
        raise RruffError("mismatch", "the XY file names no cell or crystal system")
    family = {"trigonal": "hexagonal", "rhombohedral": "hexagonal"}
    systems = [family.get(s, s) for s in (xy.crystal_system, lattice.system)]
    if systems[0] != systems[1]:
        raise RruffError("mismatch", f"XY is {xy.crystal_system}, DIF {lattice.system}")
    own, other = np.array(xy.cell), np.array(dif.cell)
    lengths = np.abs(own[:3] / other[:3] - 1).max()
    angles = np.abs(own[3:] - other[3:]).max()
    if lengths > LENGTHS or angles > ANGLES:
        raise RruffError("mismatch", f"XY cell {xy.cell}, DIF cell {dif.cell}")


def _on_grid(pattern: Pattern, dif: DifFile) -> NDArray[np.float32]:
    """By the service's own path; the DIF's wavelength where the XY file names none."""
    if pattern.wavelength is None:
        pattern = replace(pattern, wavelength=dif.wavelength, wavelength_source="DIF file")
    try:
        grid = to_grid(pattern)
    except PatternError as error:
        raise RruffError("coverage", str(error)) from None
    if grid.mask.any():
        raise RruffError("coverage", f"{grid.coverage:.1%} covered")
    return grid.intensity


def _entry(
    xy: XyFile,
    dif: DifFile,
    lattice: Lattice,
    intensity: NDArray[np.float32],
    niggli: tuple[float, ...] | None,
) -> Entry:
    return Entry(
        sample=dif.sample or dif.name,
        mineral=xy.mineral or dif.mineral,
        formula=xy.formula,
        intensity=intensity,
        space_group=lattice.number,
        crystal_system=lattice.system,
        cell=dif.cell,
        niggli=niggli,
        calculated=xy.calculated,
        wavelength=xy.pattern.wavelength or dif.wavelength,
    )
