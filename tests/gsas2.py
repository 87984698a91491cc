"""A stand-in for GSASIIscriptable that computes rightly, or wrongly in a way that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from alphadiffract_stream.simulation import reflections, unit_cell_contents


class FakeScriptable:
    """What `training.gsas2` uses of the module. `fault` names one of GSAS-II's silent ways."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.level = ""
        self.folders: set[Path] = set()

    def SetPrintLevel(self, level: str) -> None:
        self.level = level

    def G2Project(self, newgpx: str) -> FakeProject:
        self.folders.add(Path(newgpx).parent)
        return FakeProject(self.fault)


class FakeProject:
    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.data: dict[str, Any] = {"Controls": {"data": {"max cyc": 3}}}
        self._phases: list[FakePhase] = []

    def add_phase(self, phasename: str, spacegroup: str, cell: list[float]) -> FakePhase:
        if self.fault == "refuses the symbol":
            raise Exception("Space group error")
        phase = FakePhase(self.fault, spacegroup, cell)
        self._phases.append(phase)
        return phase

    def add_simulated_powder_histogram(
        self, name: str, instrument: str, first: float, last: float, **options: Any
    ) -> None:
        self._histogram = FakeHistogram(Path(instrument).read_text(), first, last, options)

    def histogram(self, number: int) -> FakeHistogram:
        return self._histogram

    def phases(self) -> list[FakePhase]:
        return self._phases

    def do_refinements(self, steps: list[dict]) -> None:
        assert self.data["Controls"]["data"]["max cyc"] == 0, "refines"
        self._histogram.compute(self._phases[0], self.fault)


class FakeHistogram:
    def __init__(self, instrument: str, first: float, last: float, options: dict) -> None:
        lines = [line.split(":") for line in instrument.splitlines()[1:]]
        self.wavelength = float(dict(lines)["Lam"])
        self.first, self.last, self.points = first, last, options["Npoints"]
        self.Background = [["chebyschev-1", False, 3, 1.0, 0.0, 0.0], {}]
        self.InstrumentParameters = {name: [2.0, 2.0, 0] for name in "UVW"}

    def compute(self, phase: FakePhase, fault: str) -> None:
        d_min = self.wavelength / 2 / np.sin(np.radians(self.last / 2))
        d_max = self.wavelength / 2 / np.sin(np.radians(self.first / 2))
        table = reflections(phase.contents(), d_min, d_max)
        rows = np.zeros((len(table), 15))
        rows[:, :3], rows[:, 3], rows[:, 4] = table.hkl, table.multiplicity, table.d
        rows[:, 9] = table.f_squared
        self.rows = rows[1:] if fault == "loses a reflection" else rows
        level = 1.0 if fault == "keeps a background" else sum(self.Background[0][3:])
        self.background = np.full(self.points, level)
        self.ycalc = self.background + np.exp(-0.5 * np.linspace(-9, 9, self.points) ** 2)

    def reflections(self) -> dict[str, dict[str, np.ndarray]]:
        return {"crystal": {"RefList": self.rows}}

    def getdata(self, name: str) -> np.ndarray:
        return {"Background": self.background, "Ycalc": self.ycalc}[name]


class FakePhase:
    def __init__(self, fault: str, symbol: str, cell: list[float]) -> None:
        self._fault = fault
        axes = symbol.removesuffix(" r")
        name = axes + (":R" if axes != symbol else "")
        if fault == "reads P 1":
            name = "P 1"
        self.group = gemmi.find_spacegroup_by_name(f"{axes}:2" if axes == symbol else name)
        self.group = self.group or gemmi.find_spacegroup_by_name(name)
        if fault == "takes origin 1":
            self.group = gemmi.find_spacegroup_by_name(f"{axes}:1")
        self._cell = [
            *cell[:2],
            cell[2] * (1.01 if fault == "stretches the cell" else 1),
            *cell[3:],
        ]
        pointers = [3, 1, 7, 9]
        self.data: dict[str, Any] = {
            "Atoms": [],
            "General": {"SGData": sg_data(self.group), "AtomPtrs": pointers},
        }
        self.profile: dict[str, tuple[float, float]] = {}

    def add_atom(
        self, x: float, y: float, z: float, element: str, label: str, occ: float, uiso: float
    ) -> None:
        known = "H" if self._fault == "does not know the element" else element
        if self._fault == "does not know ions":
            known = element if element.isalpha() else "H"
        site = self.structure([[label, known, "", x, y, z, occ, "", 1, "I", uiso]])
        count = len(unit_cell_contents(site).species)
        count *= 2 if self._fault == "puts atoms beside special positions" else 1
        row = [label, known, "", x, y, z, occ, "", count, "I", uiso, 0, 0, 0, 0, 0, 0]
        self.data["Atoms"].append(row)

    def get_cell(self) -> dict[str, float]:
        names = [f"length_{n}" for n in "abc"]
        names += [f"angle_{n}" for n in ("alpha", "beta", "gamma")]
        return dict(zip(names, self._cell, strict=True))

    def setSampleProfile(
        self, histogram: int, kind: str, mode: str, value: float, *, LGmix: float
    ) -> None:
        self.profile[kind] = (value, LGmix)

    def contents(self) -> Any:
        return unit_cell_contents(self.structure(self.data["Atoms"]))

    def structure(self, atoms: list[list[Any]]) -> gemmi.SmallStructure:
        structure = gemmi.SmallStructure()
        structure.cell = gemmi.UnitCell(*self._cell)
        structure.spacegroup_hm = self.group.xhm()
        structure.spacegroup = self.group
        for label, kind, _, x, y, z, occ, *_, uiso in (row[:11] for row in atoms):
            site = gemmi.SmallStructure.Site()
            site.label, site.occ, site.u_iso = label, occ, uiso
            site.type_symbol = kind.split("+")[0].split("-")[0]
            site.element = gemmi.Element(site.type_symbol)
            site.fract = gemmi.Fractional(x, y, z)
            structure.add_site(site)
        return structure


def sg_data(group: gemmi.SpaceGroup) -> dict[str, Any]:
    """As GSAS-II holds it: operations without centre and centring, and those two."""
    operations = group.operations()
    rows = [
        (np.array(op.rot) / gemmi.Op.DEN, np.array(op.tran) / gemmi.Op.DEN)
        for op in operations.sym_ops
    ]
    centrings = np.array(operations.cen_ops) / gemmi.Op.DEN
    centre = any(np.allclose(r, -np.eye(3)) and np.allclose(t % 1, 0) for r, t in rows)
    if centre:
        half: list = []
        for r, t in rows:
            opposite = any(
                np.allclose(r, -q) and np.allclose((t + s + 0.5) % 1, 0.5) for q, s in half
            )
            half += [] if opposite else [(r, t)]
        rows = half
    return {"SpGrp": group.hm, "SGOps": rows, "SGInv": centre, "SGCen": centrings}
