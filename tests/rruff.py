"""RRUFF's two formats as they are downloaded, of minerals that do not exist."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np

from alphadiffract_stream.simulation import (
    Profile,
    integrated_intensity,
    reflections,
    simulate,
    unit_cell_contents,
)

CU = 1.541838


@dataclass(frozen=True)
class Mineral:
    name: str
    sample: str
    symbol: str
    """As RRUFF writes it."""
    setting: str
    """As gemmi does, origin included."""
    system: str
    """As RRUFF's XY header has it."""
    cell: tuple[float, ...]
    atoms: tuple[tuple[str, str, float, float, float], ...]
    """Label, element, position."""

    def contents(self):
        structure = gemmi.SmallStructure()
        structure.cell = gemmi.UnitCell(*self.cell)
        structure.spacegroup = gemmi.find_spacegroup_by_name(self.setting)
        for label, element, x, y, z in self.atoms:
            site = gemmi.SmallStructure.Site()
            site.label, site.type_symbol, site.u_iso = label, element, 0.5 / (8 * np.pi**2)
            site.element = gemmi.Element(element)
            site.fract = gemmi.Fractional(x, y, z)
            structure.add_site(site)
        return unit_cell_contents(structure, name=self.name)


INVENTITE = Mineral(
    "Inventite",
    "R990001-1",
    "R-3m",
    "R -3 m:H",
    "hexagonal",
    (4.113, 4.113, 15.27, 90, 90, 120),
    (("CaM1", "Ca", 0, 0, 0), ("Wat", "O", 0, 0, 0.2471)),
)
DIAMONDLIKE = Mineral(
    "Nonesuchite",
    "R990002",
    "Fd3m",
    "F d -3 m:1",
    "cubic",
    (6.021, 6.021, 6.021, 90, 90, 90),
    (("Sn", "Sn", 0, 0, 0),),
)
SLANTITE = Mineral(
    "Slantite", "R990003-2", "P2_1/b", "P 1 1 21/b", "monoclinic",
    (5.21, 8.73, 6.42, 90, 90, 103.4),
    (("Fe1", "Fe", 0.12, 0.23, 0.34), ("O1", "O", 0.41, 0.07, 0.19), ("OH2", "O", 0.7, 0.6, 0.1)),
)  # fmt: skip


def table_of(mineral: Mineral, first: float = 8.0, last: float = 90.0):
    d_max, d_min = (CU / 2 / np.sin(np.radians(angle / 2)) for angle in (first, last))
    return reflections(mineral.contents(), d_min, d_max, energy=12.398419843 / CU)


def dif(mineral: Mineral, *, atoms: bool = True, **fields: str) -> str:
    """Fields override lines by key; an empty one leaves its line out."""
    table = table_of(mineral)
    two_theta = 2 * np.degrees(np.arcsin(CU / 2 / table.d))
    height = integrated_intensity(table, two_theta, 0.5)
    height *= 100 / height.max()
    rows = [
        f"      {t:14.2f}      {i:8.2f}      {d:8.4f}  {h:2d}  {k:2d}  {n:2d}      {m:4d}"
        for t, i, d, (h, k, n), m in zip(
            two_theta, height, table.d, table.hkl, table.multiplicity, strict=True
        )
        if i > 0.5
    ]
    cell = " ".join(f"{value:9.4f}" for value in mineral.cell)
    lines = {
        "CELL PARAMETERS": f"{cell}",
        "SPACE GROUP": mineral.symbol,
        "X-RAY WAVELENGTH": f"{CU:12.6f}",
    } | fields
    head = [f"      {mineral.name} {mineral.sample}", "      Invented; no such mineral", ""]
    head += [f"      {k}: {v}" for k, v in lines.items() if v and not k.startswith("X-RAY")]
    if atoms:
        head += ["", "           ATOM        X         Y         Z     OCCUPANCY  ISO(B)"]
        head += [
            f"            {label:5s} {x:9.5f} {y:9.5f} {z:9.5f}     1.000     0.500"
            for label, _, x, y, z in mineral.atoms
        ]
        head += [""]
    if lines["X-RAY WAVELENGTH"]:
        head += [f"      X-RAY WAVELENGTH: {lines['X-RAY WAVELENGTH']}"]
    head += ["      MAX. ABS. INTENSITY / VOLUME**2:      11.48398665"]
    head += ["               2-THETA      INTENSITY    D-SPACING   H   K   L   Multiplicity"]
    tail = ["=" * 80, "XPOW Copyright 1993 Bob Downs, Ranjini Swaminathan and Kurt Bartelmehs"]
    return "\n".join(head + rows + tail) + "\n"


def xy(
    mineral: Mineral, first: float = 5.0, last: float = 90.0, kind: str = "Powder", **cell: float
) -> str:
    """`cell` overrides parameters of the header."""
    axis = np.arange(first, last + 0.005, 0.01)
    pattern = simulate(table_of(mineral), axis, CU, Profile(size=0.2, microstrain=2000.0))
    values = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), mineral.cell, strict=True)) | cell
    header = " ".join(f"{k}: {v:g}(3)" if len(k) == 1 else f"{k}: {v:g}" for k, v in values.items())
    lines = [
        f"##NAMES={mineral.name}",
        f"##RRUFFID={mineral.sample}",
        "##IDEAL CHEMISTRY=Ca_2_O",
        f"##DIFFRACTION SAMPLE DESCRIPTION={kind}",
        f"##CELL PARAMETERS={header} volume: 100.0(2) crystal system: {mineral.system}",
        f"##X-RAY WAVELENGTH={CU}",
        *(f"{t:.4f}, {v:.6f}" for t, v in zip(axis, 1000 * pattern / pattern.max(), strict=True)),
        "##END=",
    ]
    return "\n".join(lines) + "\n"


def file_name(mineral: Mineral, kind: str, number: int = 1) -> str:
    return f"{mineral.name}__{mineral.sample}__Powder__{kind}__{number}.txt"


def moved(mineral: Mineral, sample: str, **changes) -> Mineral:
    return replace(mineral, sample=sample, **changes)
