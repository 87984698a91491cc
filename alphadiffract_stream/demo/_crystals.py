"""The crystals of the samples, typed in from the literature; cells change with temperature."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi

from ..simulation import UnitCellContents, unit_cell_contents

ROOM_TEMPERATURE = 297.0
"""K (24 °C), at which displacements are given, and cells where a phase says nothing else."""


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
    """a b c (Å) α β γ (°) at `measured_at`."""
    expansion: tuple[float, float, float]
    """Linear thermal expansion of a, b, c in K⁻¹, constant over the range of the furnace."""
    formula_units: int
    """Z: formula units (here: calcium or barium atoms) in a cell."""
    sites: tuple[Site, ...]
    measured_at: float = ROOM_TEMPERATURE
    """K, of `cell`."""

    def cell_at(self, temperature: float) -> tuple[float, float, float, float, float, float]:
        """a b c (Å) α β γ (°) at `temperature` K."""
        rise = temperature - self.measured_at
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

# BaTiO3, on heating. Cells: Kay & Vousden (1949) Phil. Mag. 40, 1019–1040 (rhombohedral,
# tetragonal, cubic); Shirane, Danner & Pepinsky (1957) Phys. Rev. 105, 856–860 (orthorhombic, at
# 263 K). Shifts of the atoms from the cubic sites: Hewat (1974) Ferroelectrics 6, 215–218
# (rhombohedral); Shirane et al. (orthorhombic); Harada, Pedersen & Barnea (1970) Acta Cryst. A26,
# 336–344 (tetragonal). Expansion: of the volume, what joins these cells; in the tetragonal phase
# c shrinks towards the transition while a grows, as Kay & Vousden found.
RHOMBOHEDRAL_BATIO3 = Phase(
    name="rhombohedral BaTiO3",
    formula="BaTiO3",
    space_group_number=160,
    space_group_symbol="R 3 m",
    crystal_system="trigonal",
    setting="R 3 m:R",
    cell=(4.001, 4.001, 4.001, 89.85, 89.85, 89.85),
    expansion=(5e-6, 5e-6, 5e-6),
    formula_units=1,
    sites=(
        Site("Ba", 0.0, 0.0, 0.0, 0.005),
        Site("Ti", 0.487, 0.487, 0.487, 0.006),
        Site("O", 0.511, 0.511, 0.018, 0.007),
    ),
    measured_at=180.0,
)
ORTHORHOMBIC_BATIO3 = Phase(
    name="orthorhombic BaTiO3",
    formula="BaTiO3",
    space_group_number=38,
    space_group_symbol="A m m 2",
    crystal_system="orthorhombic",
    setting="A m m 2",
    cell=(3.990, 5.669, 5.682, 90.0, 90.0, 90.0),
    expansion=(7e-6, 7e-6, 7e-6),
    formula_units=2,
    sites=(
        Site("Ba", 0.0, 0.0, 0.0, 0.005),
        Site("Ti", 0.5, 0.0, 0.510, 0.006),
        Site("O", 0.0, 0.0, 0.490, 0.007),
        Site("O", 0.5, 0.253, 0.237, 0.007),
    ),
    measured_at=263.0,
)
TETRAGONAL_BATIO3 = Phase(
    name="tetragonal BaTiO3",
    formula="BaTiO3",
    space_group_number=99,
    space_group_symbol="P 4 m m",
    crystal_system="tetragonal",
    setting="P 4 m m",
    cell=(3.992, 3.992, 4.036, 90.0, 90.0, 90.0),
    expansion=(22e-6, 22e-6, -23e-6),
    formula_units=1,
    sites=(
        Site("Ba", 0.0, 0.0, 0.0, 0.005),
        Site("Ti", 0.5, 0.5, 0.5135, 0.006),
        Site("O", 0.5, 0.5, -0.0250, 0.007),
        Site("O", 0.5, 0.0, 0.4850, 0.007),
    ),
    measured_at=293.0,
)
CUBIC_BATIO3 = Phase(
    name="cubic BaTiO3",
    formula="BaTiO3",
    space_group_number=221,
    space_group_symbol="P m -3 m",
    crystal_system="cubic",
    setting="P m -3 m",
    cell=(4.010, 4.010, 4.010, 90.0, 90.0, 90.0),
    expansion=(12e-6, 12e-6, 12e-6),
    formula_units=1,
    sites=(
        Site("Ba", 0.0, 0.0, 0.0, 0.005),
        Site("Ti", 0.5, 0.5, 0.5, 0.008),
        Site("O", 0.5, 0.5, 0.0, 0.008),
    ),
    measured_at=400.0,
)
