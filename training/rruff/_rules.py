"""Why an entry is not in the set: the paper's steps, in its order."""

from __future__ import annotations

from dataclasses import dataclass

from alphadiffract_stream.errors import AlphaDiffractError

RULES = {
    "incomplete": "DIF lacks cell, space group, wavelength or peaks",
    "lattice": "DIF's cell or space group cannot be parsed",
    "system": "cell not that of its crystal system within 1e-3, or 100 000 Å³ and more",
    "repeated": "another file of the same sample was read before",
    "no pattern": "no XY file of the sample",
    "no dif": "no DIF file of the sample",
    "unreadable": "XY file cannot be read",
    "mismatch": "XY and DIF name different crystal systems or cells",
    "coverage": "pattern does not cover 5–20° at 20 keV",
    "no atoms": "symmetry only: DIF has no complete atoms",
    "peaks": "symmetry only: atoms do not give the peaks the DIF lists",
}
"""Rule and what it means. The last two drop an entry from the lattice subset alone."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """One file, or one entry of the lattice subset, that fell."""

    name: str
    rule: str
    """Key of `RULES`."""
    detail: str


class RruffError(AlphaDiffractError, ValueError):
    """A file that falls at a rule."""

    def __init__(self, rule: str, detail: str) -> None:
        self.rule = rule
        self.detail = detail
        super().__init__(f"{RULES[rule]}: {detail}")
