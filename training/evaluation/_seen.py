"""Which crystals of a test set are also among the training structures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labelled_set import LabelledSet
from ..reflections import ReflectionStore
from ._cells import store_niggli
from ._formula import family_name
from ._same_cell import misfits

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
    misfit = misfits(cells[candidates], cell)
    return int(candidates[misfit.argmin()]) if np.isfinite(misfit).any() else -1


def _family(formula: str | None, space_group: int) -> np.uint64 | None:
    """The hash a reflections file keeps of composition and space group."""
    name = family_name(formula, space_group) if formula else None
    if name is None:
        return None
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
