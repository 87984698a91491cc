"""Space-group number, Hermann–Mauguin symbol, crystal system and Bravais type."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import gemmi

from ..errors import AlphaDiffractError

CRYSTAL_SYSTEMS = (
    "triclinic",
    "monoclinic",
    "orthorhombic",
    "tetragonal",
    "trigonal",
    "hexagonal",
    "cubic",
)
"""In the order of the network's outputs."""

_LAST = (2, 15, 74, 142, 167, 194, 230)
_LETTER = {"triclinic": "a", "monoclinic": "m", "orthorhombic": "o", "tetragonal": "t"}


class SpaceGroupError(AlphaDiffractError, ValueError):
    """A number outside 1…230 or a symbol nobody knows."""


def crystal_system_index(number: int) -> int:
    """Index in `CRYSTAL_SYSTEMS` of space group `number`. Raises SpaceGroupError."""
    _group(number)
    return next(index for index, last in enumerate(_LAST) if number <= last)


def crystal_system_of(number: int) -> str:
    """Crystal system of space group `number`; trigonal is 143–167. Raises SpaceGroupError."""
    return CRYSTAL_SYSTEMS[crystal_system_index(number)]


def space_group_symbol(number: int) -> str:
    """Full Hermann–Mauguin symbol of the standard setting, e.g. ``P 63/m m c``.

    Raises SpaceGroupError unless 1 ≤ number ≤ 230.
    """
    return _group(number).hm


def space_group_number(symbol: str) -> int:
    """Number of a Hermann–Mauguin symbol in any setting, or of a number written out.

    Reads ``P63/mmc``, ``P 63/m m c``, ``P6_3/mmc``, ``R-3c:H``, ``Pbnm``, ``Fd3m``, ``R3̅c``,
    ``P 21/c (14)``. Raises SpaceGroupError for what names no space group.
    """
    text = _plain(str(symbol))
    if text.isdecimal():
        return _group(int(text)).number
    group = gemmi.find_spacegroup_by_name(text) if text else None
    if group is None and text:
        # Short symbols of unique axis c, such as P2_1/b.
        group = gemmi.find_spacegroup_by_name(f"{text[0]} 1 1 {text[1:].strip()}")
    if group is None:
        raise SpaceGroupError(
            f"space group: {symbol!r} is unknown; give a Hermann–Mauguin symbol such as "
            "'P 63/m m c' or 'R-3c', or a number 1…230"
        )
    return group.number


def bravais_type(number: int) -> str:
    """Bravais type of space group `number` with the centring of its standard setting.

    aP mP mC oP oC oA oF oI tP tI hP hR cP cF cI: the 14, and oA, which is oC with other axes
    (groups 38–41). Raises SpaceGroupError.
    """
    centring = _group(number).hm[0]
    return _LETTER.get(crystal_system_of(number), "c" if number > 194 else "h") + centring


@cache
def _group(number: int) -> gemmi.SpaceGroup:
    group = None
    if isinstance(number, int) or hasattr(number, "__index__"):
        group = gemmi.find_spacegroup_by_number(int(number)) if 1 <= number <= 230 else None
    if group is None:
        raise SpaceGroupError(f"space group: {number!r} is no number from 1 to 230")
    return group


def _plain(symbol: str) -> str:
    """Typesetting undone: subscripts, overbars, Unicode minus, LaTeX, a number in brackets."""
    text = re.sub(r"\(\s*(?:no\.?\s*|#)?\d+\s*\)\s*$", "", symbol.strip(), flags=re.IGNORECASE)
    text = re.sub(r"\\(?:bar|overline)\s*\{?\s*(\d)\s*\}?", r"-\1", text)
    text = re.sub("(\\d)\\s*[\u0304\u0305\u00af]", r"-\1", text)
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[\u2010-\u2015\u2212]", "-", text)
    text = re.sub(r"[_{}$]", "", text).strip(" *'\"")  # a star: the origin, in the AMCSD
    return re.sub(r"\s+", " ", text)
