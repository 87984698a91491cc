"""The three crystals of the furnace, typed in from the literature; cells grow with temperature."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi

from ..simulation import UnitCellContents, unit_cell_contents

ROOM_TEMPERATURE = 297.0
"""K (24 °C), at which the cells below were measured."""


@dataclass(frozen=True, slots=True)
class Site:
    """One atom of the asymmetric unit."""

    element: str
    x: float
    y: float
    z: float
    u_iso: float
    """Å² at room temperature; proportional to the temperature, as for a classical oscillator."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One crystalline phase and how its cell expands."""

    name: str
    formula: str
    space_group_number: int
    space_group_symbol: str
    """In the standard setting, as predictions name it."""
    crystal_system: str
    setting: str
    """Hermann–Mauguin symbol of the setting in which cell and sites are given."""
    cell: tuple[float, float, float, float, float, float]
    """a b c (Å) α β γ (°) at room temperature."""
    expansion: tuple[float, float, float]
    """Linear thermal expansion of a, b, c in K⁻¹, constant over the range of the furnace."""
    formula_units: int
    """Z: formula units (here: calcium atoms) in a cell."""
    sites: tuple[Site, ...]

    def cell_at(self, temperature: float) -> tuple[float, float, float, float, float, float]:
        """a b c (Å) α β γ (°) at `temperature` K."""
        rise = temperature - ROOM_TEMPERATURE
        a, b, c = (
            length * (1 + rise * alpha)
            for length, alpha in zip(self.cell[:3], self.expansion, strict=True)
        )
        return a, b, c, *self.cell[3:]

    def contents(self, temperature: float) -> UnitCellContents:
        """Every atom of the cell at `temperature` K."""
        structure = gemmi.SmallStructure()
        structure.name = self.name
        structure.cell = gemmi.UnitCell(*self.cell_at(temperature))
        structure.spacegroup_hm = self.setting
        structure.determine_and_set_spacegroup("S.H2")
        for number, entry in enumerate(self.sites, start=1):
            site = gemmi.SmallStructure.Site()
            site.label = f"{entry.element}{number}"
            site.element = gemmi.Element(entry.element)
            site.type_symbol = entry.element
            site.fract = gemmi.Fractional(entry.x, entry.y, entry.z)
            site.occ = 1.0
            site.u_iso = entry.u_iso * temperature / ROOM_TEMPERATURE
            structure.add_site(site)
        return unit_cell_contents(structure)


# Cell and coordinates: De Villiers (1971) Am. Mineral. 56, 758–767. Displacements of about that
# size: Caspi, Pokroy, Lee, Quintana & Zolotoyabko (2005) Acta Cryst. B61, 129–132. Expansion: the
# principal coefficients 10, 17 and 35 × 10⁻⁶ K⁻¹ in Nye, Physical Properties of Crystals (1985),
# the largest normal to the carbonate planes; their sum agrees with α_V = 58(2) × 10⁻⁶ K⁻¹ of
# Ye, Smyth & Boni (2012) Am. Mineral. 97, 707–712.
ARAGONITE = Phase(
    name="aragonite",
    formula="CaCO3",
    space_group_number=62,
    space_group_symbol="P n m a",
    crystal_system="orthorhombic",
    setting="P m c n",
    cell=(4.9614, 7.9671, 5.7404, 90.0, 90.0, 90.0),
    expansion=(10e-6, 17e-6, 35e-6),
    formula_units=4,
    sites=(
        Site("Ca", 0.25, 0.41508, 0.24046, 0.008),
        Site("C", 0.25, 0.76211, 0.08518, 0.008),
        Site("O", 0.25, 0.92224, 0.09557, 0.012),
        Site("O", 0.47347, 0.68065, 0.08726, 0.012),
    ),
)

# Markgraf & Reeder (1985) Am. Mineral. 70, 590–600: cell and x(O) at 24 °C, expansion 24–800 °C;
# a shrinks while c grows.
CALCITE = Phase(
    name="calcite",
    formula="CaCO3",
    space_group_number=167,
    space_group_symbol="R -3 c",
    crystal_system="trigonal",
    setting="R -3 c:H",
    cell=(4.988, 4.988, 17.061, 90.0, 90.0, 120.0),
    expansion=(-2.8e-6, -2.8e-6, 32.3e-6),
    formula_units=6,
    sites=(
        Site("Ca", 0.0, 0.0, 0.0, 0.009),
        Site("C", 0.0, 0.0, 0.25, 0.009),
        Site("O", 0.2567, 0.0, 0.25, 0.017),
    ),
)

# a = 4.8105 Å: Smith & Leider (1968) J. Appl. Cryst. 1, 246–249. Expansion: a third of the mean,
# 300–1200 K, of the volume coefficients recommended by Bodryakov (2015) Open Sci. J. Mod. Phys. 2,
# 50–54; high-temperature diffraction: Fiquet, Richet & Montagnac (1999) Phys. Chem. Miner. 27, 103.
LIME = Phase(
    name="lime",
    formula="CaO",
    space_group_number=225,
    space_group_symbol="F m -3 m",
    crystal_system="cubic",
    setting="F m -3 m",
    cell=(4.8105, 4.8105, 4.8105, 90.0, 90.0, 90.0),
    expansion=(13.4e-6, 13.4e-6, 13.4e-6),
    formula_units=4,
    sites=(Site("Ca", 0.0, 0.0, 0.0, 0.004), Site("O", 0.5, 0.5, 0.5, 0.005)),
)

PHASES = {phase.name: phase for phase in (ARAGONITE, CALCITE, LIME)}
