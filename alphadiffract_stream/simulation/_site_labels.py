"""Which element a site of a CIF is where the file gives no more than the authors' label."""

from __future__ import annotations

import re

import gemmi

WATER = "Wat"
"""How mineralogists label a molecule of water that is one site."""


def small_structure(block: gemmi.cif.Block) -> gemmi.SmallStructure:
    """gemmi's structure of a block, with the elements that its formula makes of bare labels.

    Files without ``_atom_site_type_symbol`` (those of the American Mineralogist Crystal Structure
    Database, and old ones) name sites CaM1, O-H, OW1, Wat. A label alone would make cobalt of the
    carbon site CO1. Raises ValueError or RuntimeError where gemmi does.
    """
    structure = gemmi.make_small_structure_from_block(block)
    formula = gemmi.cif.as_string(block.find_value("_chemical_formula_sum") or "?")
    elements = set(re.findall(r"[A-Z][a-z]?", formula))
    for site in structure.sites if elements else ():
        if site.type_symbol == site.label:
            symbol = element_of_label(site.label, elements)
            if symbol is not None:
                site.type_symbol, site.element = symbol, gemmi.Element(symbol)
    return structure


def element_of_label(label: str, elements: set[str]) -> str | None:
    """The element of a formula that `label` begins with; None where none of `elements` does.

    As it is written before as it might be meant: Co of Co1 and of CO1 where there is no carbon.
    """
    if label.startswith(WATER) and "O" in elements:
        return "O"
    for symbol in (label[:2], label[:1], label[:2].capitalize()):
        if symbol in elements:
            return symbol
    return "D" if label.startswith("D") and "H" in elements else None
