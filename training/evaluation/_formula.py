"""Chemical formulas as families of structures count them."""

from __future__ import annotations

import re
from functools import reduce
from math import gcd

import gemmi

BRACKET = re.compile(r"\(((?:[A-Z][a-z]?\d*)+)\)(\d*)")
PART = re.compile(r"([A-Z][a-z]?)(\d*)")


def composition(formula: str) -> dict[int, int] | None:
    """Atomic number → count in smallest whole numbers, of ``Mn8 As4 O20`` or ``Cu5(PO6)2``.

    None for what is not a plain formula: fractions, charges, dots, unknown elements.
    """
    text = "".join(formula.split())
    while (bracket := BRACKET.search(text)) is not None:
        times = int(bracket[2] or 1)
        inside = "".join(f"{e}{int(n or 1) * times}" for e, n in PART.findall(bracket[1]))
        text = text[: bracket.start()] + inside + text[bracket.end() :]
    if not text or "".join(m.group(0) for m in PART.finditer(text)) != text:
        return None
    counts: dict[int, int] = {}
    for symbol, number in PART.findall(text):
        atomic_number = gemmi.Element(symbol).atomic_number
        if atomic_number == 0 or number == "0":
            return None
        counts[atomic_number] = counts.get(atomic_number, 0) + int(number or 1)
    divisor = reduce(gcd, counts.values())
    return {z: counts[z] // divisor for z in sorted(counts)}


def family_name(formula: str, space_group: int) -> str | None:
    """As `training.structures.StructureRecord.family` names it; None for no plain formula."""
    counts = composition(formula)
    if counts is None:
        return None
    return "".join(f"{z}-{n}." for z, n in counts.items()) + str(space_group)
