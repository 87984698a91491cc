"""The network's cell drawn onto the peaks of the pattern, and how many of them it explains.

A predicted lattice is some per cent off, the width of many peaks; its ticks would stand beside
them. Here the cell is adjusted, on the lattice of each candidate space group, so that allowed lines
meet peaks. That is a check a person can see, and is never published as a prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import gemmi
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..crystal import SpaceGroupError, conventional_cell, crystal_system_of
from ._lines import Lines, allowed_lines, settings_of
from ._peaks import Peaks

Array = NDArray[np.float64]

TOLERANCE = 0.003
"""Δd/d within which a line explains a peak."""
ENOUGH = 0.55
"""Share of the peaks, beyond chance, that must be explained for a fit to be shown."""
ACCIDENTAL = 0.05
"""Accidental fits that are put up with; a large cell has lines near any peaks."""
_PERFECT = 0.97
_COARSE = 0.008
_FIRST = 14
_DRAWS, _AROUND, _BROAD = 200, 20, 3000
_KEPT = 40

_METRIC = {  # p of the cell, and the terms of h k l each multiplies: 1/d² = A(hkl) p
    "cubic": lambda h, k, l: (h * h + k * k + l * l,),  # noqa: E741
    "tetragonal": lambda h, k, l: (h * h + k * k, l * l),  # noqa: E741
    "hexagonal": lambda h, k, l: (h * h + h * k + k * k, l * l),  # noqa: E741
    "orthorhombic": lambda h, k, l: (h * h, k * k, l * l),  # noqa: E741
    "monoclinic": lambda h, k, l: (h * h, k * k, l * l, 2 * h * l),  # noqa: E741
}


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A cell whose allowed lines meet the peaks."""

    space_group_number: int
    setting: str
    """Hermann–Mauguin symbol of the axes of `cell`."""
    cell: tuple[float, ...]
    """a b c (Å) α β γ (°)."""
    lines: Lines
    explained: int
    """Peaks with a line within `TOLERANCE`."""
    peaks: int
    chance: float
    """Peaks as many lines would meet by chance."""
    score: float
    """Share of the peaks explained beyond chance, by weight; 1 is all."""
    accidental: float
    """How many cells of this kind would explain as many random peaks, among all there are."""

    @property
    def good(self) -> bool:
        """Whether it says anything."""
        return self.score >= ENOUGH and self.accidental < ACCIDENTAL


def fit_cell(
    peaks: Peaks,
    niggli: ArrayLike,
    niggli_std: ArrayLike,
    candidates: Sequence[int],
    start: Fit | None = None,
) -> Fit | None:
    """Best fit of `candidates` (space groups, the most probable first); None where none is good.

    niggli, niggli_std: (6,) the prediction and its σ, from which cells are drawn. start: the fit of
    the frame before, tried first. Deterministic. Triclinic candidates are passed over: six free
    numbers meet any peaks. Raises nothing for predictions that make no sense.
    """
    if len(peaks) < 3:
        return None
    if start is not None and start.space_group_number in candidates:
        p = _parameters(start.cell, crystal_system_of(start.space_group_number))
        again = _best(peaks, start.space_group_number, p[None, :])
        if again is not None and again.good and again.score >= start.score - 0.1:
            return again
    random = np.random.default_rng(0)
    cell, spread = np.asarray(niggli, float), np.asarray(niggli_std, float)
    best: Fit | None = None
    for number in candidates:
        try:
            starts = _starts(cell, spread, number, random)
        except SpaceGroupError:
            continue
        found = _best(peaks, number, starts) if len(starts) else None
        # A later candidate is less probable and has to be clearly better.
        if found is None or not found.good:
            continue
        if best is None or found.score > best.score + 0.02:
            best = found
            if best.score > _PERFECT:
                break
    return best


def _starts(niggli: Array, std: Array, number: int, random: np.random.Generator) -> Array:
    """(n, p) reciprocal parameters of cells worth trying."""
    system = crystal_system_of(number)
    if system == "triclinic" or not np.isfinite(niggli).all():
        return np.empty((0, 1))
    std = np.where(np.isfinite(std), np.clip(std, 0.02 * niggli, 0.25 * niggli), 0.05 * niggli)
    drawn = niggli + std * random.standard_normal((_DRAWS, 6))
    drawn[0] = niggli
    cells = [conventional_cell(six, number).cell for six in drawn]
    starts = np.array([_parameters(c, system) for c in cells if np.isfinite(c).all()])
    if system in ("cubic", "tetragonal", "trigonal", "hexagonal"):
        # Two numbers can be searched for whatever the network says of the lattice.
        a = np.exp(random.uniform(np.log(2.5), np.log(14.0), _BROAD))
        c = np.exp(random.uniform(np.log(2.5), np.log(32.0), _BROAD))
        right = np.full(_BROAD, 90.0)
        gamma = np.full(_BROAD, 120.0 if system in ("trigonal", "hexagonal") else 90.0)
        broad = np.column_stack([a, a, a if system == "cubic" else c, right, right, gamma])
        broad = np.array([_parameters(tuple(cell), system) for cell in broad])
        return np.vstack([starts, broad]) if len(starts) else broad
    around = np.repeat(starts, _AROUND, axis=0)
    jitter = 1 + 0.06 * random.standard_normal(around.shape)
    jitter[::_AROUND] = 1.0
    return around * jitter


def _best(peaks: Peaks, number: int, starts: Array) -> Fit | None:
    """Best refined of `starts` over the settings of the group."""
    system = crystal_system_of(number)
    best: Fit | None = None
    for group in settings_of(number):
        hkl = _indices(starts, system, group, float(peaks.d.min()))
        if not len(hkl):
            continue
        terms = _terms(hkl, system)
        kept = starts if len(starts) == 1 else starts[_promising(peaks, terms, starts)]
        refined = [p for start in kept if (p := _refined(peaks, terms, start)) is not None]
        refined.sort(key=lambda p: -_weight_met(peaks, terms @ p))
        for p in refined[:3]:
            found = _judged(peaks, p, number, group, system)
            if found is not None and (best is None or found.score > best.score):
                best = found
    return best


def _promising(peaks: Peaks, terms: Array, starts: Array) -> NDArray[np.intp]:
    """The `_KEPT` starts whose lines meet most of the peaks of longest d beyond chance.

    Those are told apart best: towards short d every cell has a line near every peak.
    """
    d, weight = peaks.d[:_FIRST], peaks.weight[:_FIRST]
    low, high = np.log(d.min()) - 2 * _COARSE, np.log(d.max()) + 8 * _COARSE
    bins = int(np.ceil((high - low) / _COARSE))
    place = (-0.5 * np.log(np.maximum(terms @ starts.T, 1e-12)) - low) / _COARSE  # (hkl, starts)
    line, start = np.nonzero((place >= 0) & (place < bins))
    occupied = np.zeros((len(starts), bins), bool)
    occupied[start, place[line, start].astype(int)] = True
    near = occupied.copy()
    near[:, 1:] |= occupied[:, :-1]
    near[:, :-1] |= occupied[:, 1:]
    met = near[:, ((np.log(d) - low) / _COARSE).astype(int)] @ (weight / weight.sum())
    return np.argsort(near.mean(axis=1) - met, kind="stable")[:_KEPT]


def _refined(peaks: Peaks, terms: Array, p: Array) -> Array | None:
    """Assign lines to peaks, solve for the reciprocal parameters, and again more strictly."""
    observed = 1 / peaks.d**2
    for tolerance in (0.015, 0.01, 0.007, 0.004, TOLERANCE, TOLERANCE):
        nearest, apart = _nearest(terms @ p, observed)
        close = apart < 2 * tolerance * observed
        if np.count_nonzero(close) < max(2, len(p)):
            return None
        scale = (np.sqrt(peaks.weight) / observed)[close]
        weighted = terms[nearest[close]] * scale[:, None]
        p = np.linalg.lstsq(weighted, scale * observed[close])[0].astype(np.float64)
        if not (p[: min(3, len(p))] > 0).all():
            return None
    return p


def _nearest(q: Array, observed: Array) -> tuple[NDArray[np.intp], Array]:
    """Index of the line nearest to each peak, and how far it is, in 1/d²."""
    order = np.argsort(q)
    right = np.clip(np.searchsorted(q[order], observed), 1, len(q) - 1)
    left_is_nearer = observed - q[order[right - 1]] < q[order[right]] - observed
    nearest = order[right - left_is_nearer]
    return nearest, np.abs(q[nearest] - observed)


def _weight_met(peaks: Peaks, q: Array) -> float:
    """What lines at 1/d² = `q` explain, beyond chance; quick, for the choice among many."""
    observed = 1 / peaks.d**2
    apart = _nearest(q, observed)[1]
    lines = int(np.count_nonzero(q < observed.max() * 1.02))
    met = float((apart < 2 * TOLERANCE * observed) @ peaks.weight)
    return met - _chance(lines, peaks)


def _chance(lines: int, peaks: Peaks) -> float:
    """Probability that a peak anywhere has one of so many lines within `TOLERANCE`."""
    span = np.log(peaks.d.max() * 1.3) - np.log(peaks.d.min() * 0.99)
    return float(1 - np.exp(-2 * TOLERANCE * lines / span))


def _judged(
    peaks: Peaks, p: Array, number: int, group: gemmi.SpaceGroup, system: str
) -> Fit | None:
    """The fit with these parameters and its score; None where it explains next to nothing."""
    cell = _cell(p, system)
    lines = allowed_lines(cell, number, peaks.d.min() * 0.99, peaks.d.max() * 1.3, group.xhm())
    if not len(lines):
        return None
    met = np.abs(peaks.d[:, None] / lines.d - 1).min(axis=1) < TOLERANCE
    chance = _chance(len(lines), peaks)
    # Lines of longer d than any peak speak against a cell that is too large.
    idle = np.count_nonzero(lines.d > peaks.d.max() * (1 + TOLERANCE)) / len(lines)
    score = float((met @ peaks.weight - chance) / (1 - chance) - 0.3 * idle)
    explained = int(met.sum())
    if explained < len(p) + 2:
        return None
    # Each free number may put any line on any one peak; only the other peaks are evidence.
    free = len(p)
    accidental = len(lines) ** free * _at_least(explained - free, len(peaks) - free, chance)
    expected = chance * len(peaks)
    return Fit(
        *(number, group.xhm(), cell, lines, explained, len(peaks), expected, score, accidental)
    )


def _at_least(hits: int, of: int, chance: float) -> float:
    """Probability of so many hits or more."""
    return sum(comb(of, k) * chance**k * (1 - chance) ** (of - k) for k in range(hits, of + 1))


def _indices(starts: Array, system: str, group: gemmi.SpaceGroup, d_min: float) -> Array:
    """(n, 3) allowed indices of the middling start, with room for those that are larger."""
    cell = _cell(np.median(starts, axis=0), system)
    if not np.isfinite(cell).all():
        return np.empty((0, 3))
    unit = gemmi.UnitCell(*cell)
    return gemmi.make_miller_array(unit, group, d_min / 1.35, 0.0, True).astype(float)[:2000]


def _terms(hkl: Array, system: str) -> Array:
    h, k, l = hkl.T  # noqa: E741 - hkl
    name = "hexagonal" if system == "trigonal" else system
    return np.column_stack(_METRIC[name](h, k, l))


def _parameters(cell: Sequence[float], system: str) -> Array:
    """Free reciprocal metric parameters of a cell that is symmetric already."""
    a, b, c, _, beta, _ = cell
    match system:
        case "cubic":
            return np.array([1 / a**2])
        case "tetragonal":
            return np.array([1 / a**2, 1 / c**2])
        case "trigonal" | "hexagonal":
            return np.array([4 / (3 * a**2), 1 / c**2])
        case "orthorhombic":
            return np.array([1 / a**2, 1 / b**2, 1 / c**2])
    sine, cosine = np.sin(np.radians(beta)), np.cos(np.radians(beta))
    return np.array(
        [1 / (a * sine) ** 2, 1 / b**2, 1 / (c * sine) ** 2, -cosine / (a * c * sine**2)]
    )


def _cell(p: Array, system: str) -> tuple[float, ...]:
    """The other way round; NaN where the parameters are no cell's."""
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (1 / np.sqrt(p[:3])).tolist()
        match system:
            case "cubic":
                return (r[0], r[0], r[0], 90.0, 90.0, 90.0)
            case "tetragonal":
                return (r[0], r[0], r[1], 90.0, 90.0, 90.0)
            case "trigonal" | "hexagonal":
                a = r[0] * 2 / np.sqrt(3.0)
                return (float(a), float(a), r[1], 90.0, 90.0, 120.0)
            case "orthorhombic":
                return (*r, 90.0, 90.0, 90.0)
        cosine = -p[3] * r[0] * r[2]  # of β; the reciprocal angle is 180° − β
        sine = np.sqrt(1 - cosine**2)
        beta = float(np.degrees(np.arccos(cosine)))
        return (r[0] / float(sine), r[1], r[2] / float(sine), 90.0, beta, 90.0)
