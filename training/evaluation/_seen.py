"""Which crystals of a test set are also among the training structures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ..labelled_set import LabelledSet
from ..reflections import ReflectionStore
from ._cells import store_niggli
from ._formula import family_name

LENGTH_TOLERANCE = 0.03
ANGLE_TOLERANCE = 2.0
RULE = (
    "A pattern counts as **seen** where a structure of the reflections file has the same space "
    "group, a Niggli cell within 3 % in every length and 2° in every angle, up to the order and "
    "the sign of the axes (both jump where a cell is nearly degenerate), and, where the pattern's "
    "formula is known, the same composition. It is **alike** where group and cell match and the "
    "listed composition does not: isotypic crystals, and minerals listed without their hydrogen. "
    "Where no cell is known it cannot be told. **Without seen** leaves out both."
)


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """A test set against the training structures."""

    match: NDArray[np.int64]
    """(N,) index into the store of the nearest structure of group, cell and composition; −1."""
    alike: NDArray[np.int64]
    """(N,) the same of group and cell alone."""
    known: NDArray[np.bool_]
    """(N,) whether the pattern's cell is known, without which nothing matches."""

    @property
    def parts(self) -> dict[str, NDArray[np.bool_]]:
        """(N,) masks by name, as `RULE` names them."""
        seen, alike = self.match >= 0, (self.alike >= 0) & (self.match < 0)
        return {
            "seen": seen,
            "alike": alike,
            "not seen": self.known & ~seen & ~alike,
            "cell not known": ~self.known,
            "without seen": ~seen & ~alike,
        }


def find_seen(labelled: LabelledSet, store: ReflectionStore) -> Overlap:
    """Apply `RULE`; all structures of `store` count, held out or not."""
    cells = store_niggli(store)
    groups = store.space_group_number.astype(np.int64)
    known = np.isfinite(labelled.niggli).all(axis=1)
    match, alike = np.full(len(labelled), -1), np.full(len(labelled), -1)
    for number in np.unique(labelled.space_group[known]):
        candidates = np.flatnonzero(groups == number)
        for i in np.flatnonzero(known & (labelled.space_group == number)):
            alike[i] = _nearest(labelled.niggli[i], cells, candidates)
            family = _family(labelled.formula[i], int(number))
            same = candidates
            if family is not None:
                same = candidates[store.family[candidates] == family]
            match[i] = _nearest(labelled.niggli[i], cells, same)
    return Overlap(match, alike, np.asarray(known))


def _nearest(
    cell: NDArray[np.float64], cells: NDArray[np.float64], candidates: NDArray[np.int64]
) -> int:
    """Index of the candidate within both tolerances that is nearest in its lengths, or −1."""
    if not candidates.size:
        return -1
    ways = _settings(cell)[:, None]
    length = np.abs(cells[candidates, :3] / ways[..., :3] - 1).max(axis=2)
    angle = np.abs(cells[candidates, 3:] - ways[..., 3:]).max(axis=2)
    misfit = np.where((length <= LENGTH_TOLERANCE) & (angle <= ANGLE_TOLERANCE), length, np.inf)
    best = misfit.min(axis=0)
    return int(candidates[best.argmin()]) if np.isfinite(best).any() else -1


def _settings(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """(24, 6): axes in every order, and each turned round (two angles become 180° minus)."""
    ways = []
    for order in permutations(range(3)):
        lengths, angles = cell[list(order)], cell[[3 + i for i in order]]
        for turned in (None, 0, 1, 2):
            flipped = [
                angle if turned is None or i == turned else 180 - angle
                for i, angle in enumerate(angles)
            ]
            ways.append([*lengths, *flipped])
    return np.array(ways)


def _family(formula: str | None, space_group: int) -> np.uint64 | None:
    """The hash a reflections file keeps of composition and space group."""
    name = family_name(formula, space_group) if formula else None
    if name is None:
        return None
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
