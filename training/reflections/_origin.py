"""Which crystals of the Materials Project were measured, told by their identifiers; numpy alone.

Its summaries carry a flag ``theoretical`` (False where an experimental entry of the ICSD matches);
its CIFs do not. Numbers were given in order of import, and whole imports came from the ICSD: of
the crystals in those ranges 0.5 % have space group P1, of all others 14 % (decision 31).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

MEASURED_IMPORTS = (
    (0, 32_000),
    (500_000, 530_000),
    (540_000, 625_000),
    (635_000, 655_000),
    (1_188_000, 1_215_000),
)
"""First number, and the one after the last."""
_PREFIX = "mp-"
MINERAL = "amcsd-"
"""Begins the identifiers of the American Mineralogist Crystal Structure Database."""


def is_theoretical(identifiers: Iterable[str]) -> NDArray[np.bool_]:
    """(N,) True for crystals of the Materials Project from other imports.

    Whatever has no plain number of the Materials Project counts as measured: a user's own crystals,
    and averages over disorder, which stand for measured ones.
    """
    return np.array([_is_theoretical(name) for name in identifiers], dtype=np.bool_)


def _is_theoretical(identifier: str) -> bool:
    number = identifier.removeprefix(_PREFIX)
    if number == identifier or not number.isdecimal():
        return False
    return not any(first <= int(number) < end for first, end in MEASURED_IMPORTS)
