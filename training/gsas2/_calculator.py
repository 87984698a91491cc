"""Reflections and patterns computed by GSAS-II."""

from __future__ import annotations

import contextlib
import io
import shutil
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from os import getpid
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.pattern import wavelength_from_energy
from alphadiffract_stream.simulation import Profile, Reflections, StructureError, UnitCellContents
from alphadiffract_stream.simulation import reflections as builtin_reflections

from ._guards import check_atoms, check_background, check_cell, check_reflections, check_symmetry
from ._module import load_scriptable
from ._setting import Setting, gsas2_setting

WAVELENGTH = wavelength_from_energy(20.0)
INSTRUMENT = """#GSAS-II instrument parameter file; do not add/delete items!
Type:PXC
Bank:1.0
Lam:{wavelength:.11f}
Polariz.:{polarization}
Azimuth:0.0
U:{U}
V:{V}
W:{W}
X:0.0
Y:0.0
Z:0.0
SH/L:{shl}
Zero:0.0
"""
COLUMNS = {"hkl": slice(0, 3), "multiplicity": 3, "d": 4, "f_squared": 9}
"""Of a powder reflection list, constant wavelength."""
_ONE_AT_A_TIME = threading.Lock()


@lru_cache(maxsize=1)
def _of_process(pid: int) -> Calculator:
    return Calculator(load_scriptable())


def calculator() -> Calculator:
    """This process's own, with a folder of its own. Raises ImportError without GSAS-II."""
    return _of_process(getpid())


class Calculator:
    """GSAS-II in one process: one folder, one computation at a time (it bears no threads)."""

    def __init__(self, scriptable: Any) -> None:
        self._g2 = scriptable
        self._pid = getpid()
        self._folder = Path(mkdtemp(prefix="gsas2-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def reflections(self, contents: UnitCellContents, d_min: float, d_max: float) -> Reflections:
        """All reflections with d_min < d < d_max (Å) at 20 keV, as the builtin engine lists them.

        Raises StructureError where a guard finds GSAS-II computing another crystal.
        """
        expected = builtin_reflections(contents, d_min, d_max)
        if not len(expected):
            return expected
        first, last = (2 * np.degrees(np.arcsin(WAVELENGTH / 2 / d)) for d in (d_max, d_min))
        with self._project(contents, Profile(), first - 0.01, last + 0.01, points=100) as project:
            rows = self._computed(project)
        d = rows[:, COLUMNS["d"]]
        rows = rows[(d > d_min) & (d < d_max)]
        rows = rows[np.argsort(-rows[:, COLUMNS["d"]], kind="stable")]
        multiplicity = np.rint(rows[:, COLUMNS["multiplicity"]]).astype(np.int32)
        check_reflections(rows[:, COLUMNS["d"]], multiplicity, expected.d, expected.multiplicity)
        return Reflections(
            hkl=np.rint(rows[:, COLUMNS["hkl"]]).astype(np.int32),
            d=rows[:, COLUMNS["d"]],
            multiplicity=multiplicity,
            f_squared=rows[:, COLUMNS["f_squared"]],
            cell=contents.cell,
            volume=expected.volume,
            space_group_number=contents.space_group.number,
        )

    def patterns(self, contents: UnitCellContents, profiles: list[Profile]) -> NDArray[np.float64]:
        """(n, 8192) on the canonical grid, noise-free, of n profiles. Raises StructureError."""
        result = np.empty((len(profiles), 8192))
        with self._project(contents, profiles[0], 5.0, 20.0, points=8192) as project:
            for row, profile in zip(result, profiles, strict=True):
                _set_profile(project, profile)
                self._computed(project)
                histogram = project.histogram(0)
                check_background(np.asarray(histogram.getdata("Background")))
                row[:] = np.asarray(histogram.getdata("Ycalc"))
        return result

    def _computed(self, project: Any) -> NDArray[np.float64]:
        """The reflection list (n, ≥ 10), after one calculation without refinement."""
        project.data["Controls"]["data"]["max cyc"] = 0
        project.do_refinements([{}])
        (lists,) = project.histogram(0).reflections().values()
        return np.array(lists["RefList"], dtype=np.float64).reshape(-1, 15)[:, :10]

    @contextlib.contextmanager
    def _project(
        self,
        contents: UnitCellContents,
        profile: Profile,
        first: float,
        last: float,
        points: int,
    ) -> Iterator[Any]:
        if getpid() != self._pid:
            raise RuntimeError("a GSAS-II calculator belongs to the process that made it")
        folder = self._folder
        instrument = folder / "instrument.instprm"
        with _ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()):
            instrument.write_text(
                INSTRUMENT.format(
                    wavelength=WAVELENGTH,
                    polarization=profile.polarization,
                    U=profile.U,
                    V=profile.V,
                    W=profile.W,
                    shl=profile.shl,
                )
            )
            project = self._g2.G2Project(newgpx=str(folder / "project.gpx"))
            phase = _add_phase(project, contents)
            project.add_simulated_powder_histogram(
                "simulation", str(instrument), first, last, Npoints=points, phases=[phase]
            )
            _set_profile(project, profile)
            yield project


def _set_profile(project: Any, profile: Profile) -> None:
    histogram, phase = project.histogram(0), project.phases()[0]
    histogram.Background[0][:] = ["chebyschev-1", False, 1, 0.0]
    instrument = histogram.InstrumentParameters
    for name, value in (("U", profile.U), ("V", profile.V), ("W", profile.W)):
        instrument[name][0] = instrument[name][1] = value
    phase.setSampleProfile(0, "size", "isotropic", profile.size, LGmix=1.0)
    phase.setSampleProfile(0, "microstrain", "isotropic", profile.microstrain, LGmix=1.0)


def _add_phase(project: Any, contents: UnitCellContents) -> Any:
    """The crystal as a phase; built atom by atom, so that no file importer has its own opinion."""
    setting = gsas2_setting(contents.space_group.hall)
    try:
        phase = project.add_phase(
            phasename="crystal", spacegroup=setting.symbol, cell=list(contents.cell)
        )
    except Exception as error:  # GSAS-II raises a bare Exception
        raise StructureError(f"GSAS-II does not read {setting.symbol!r}: {error}") from None
    general = phase.data["General"]
    check_symmetry(general["SGData"], setting)
    asked: list[str] = []
    for i in _asymmetric_unit(contents, setting):
        asked.append(_add_atom(phase, contents, setting, i, len(asked)))
    names = {species: gsas2_type(species) for species in contents.species}
    taken = {_neutral(t): t for t in asked} | {t: t for t in asked}
    wanted: Counter[str] = Counter()
    for species in contents.species:
        name = names[species]
        wanted[taken.get(name, taken.get(_neutral(name), name))] += 1
    check_atoms(phase.data["Atoms"], general["AtomPtrs"], asked, wanted)
    found = phase.get_cell()
    sides = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    check_cell([found[side] for side in sides], contents.cell)
    return phase


def _add_atom(phase: Any, contents: UnitCellContents, setting: Setting, i: int, number: int) -> str:
    """Add atom `i`; the type that was asked for. Ions GSAS-II lacks are taken as neutral."""
    position = (contents.fractional[i] + setting.shift) % 1.0
    name = gsas2_type(contents.species[i])
    label = f"{_neutral(name)}{number}"
    kind, displacement = phase.data["General"]["AtomPtrs"][1::2]

    def add(trial: str) -> list[Any]:
        phase.add_atom(*position, trial, label, occ=contents.occupancy[i], uiso=contents.u_iso[i])
        return phase.data["Atoms"][-1]

    atom = add(name)
    if atom[kind] != name and name != _neutral(name):
        phase.data["Atoms"].pop()
        name = _neutral(name)
        atom = add(name)
    if contents.u_star is not None:
        atom[displacement] = "A"
        atom[displacement + 2 : displacement + 8] = _u_cif(contents, i)
    return name


def _u_cif(contents: UnitCellContents, i: int) -> list[float]:
    """U11 U22 U33 U12 U13 U23 of atom `i`, Å²."""
    assert contents.u_star is not None
    star = np.array(gemmi.UnitCell(*contents.cell).reciprocal().parameters[:3])
    u = contents.u_star[i] / np.outer(star, star)
    return [float(u[j, k]) for j, k in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]


def _asymmetric_unit(contents: UnitCellContents, setting: Setting) -> list[int]:
    """One atom of each orbit; of atoms of the same species and occupancy."""
    shifted = (contents.fractional + setting.shift) % 1.0
    operations = np.array(sorted(setting.operations))
    rotations = operations[:, :9].reshape(-1, 3, 3)
    translations = operations[:, 9:] / 24
    open_atoms = np.ones(len(shifted), dtype=bool)
    kinds = np.array(
        [f"{s} {o:.6f}" for s, o in zip(contents.species, contents.occupancy, strict=True)]
    )
    result = []
    for i in range(len(shifted)):
        if not open_atoms[i]:
            continue
        result.append(i)
        images = rotations @ shifted[i] + translations
        distance = shifted[None, :, :] - images[:, None, :]
        distance -= np.rint(distance)
        same = (np.abs(distance).max(axis=2) < 1e-3).any(axis=0) & (kinds == kinds[i])
        open_atoms &= ~same
    return result


def gsas2_type(species: str) -> str:
    """``O2-`` as GSAS-II writes it: ``O-2``."""
    element = species.rstrip("0123456789+-")
    charge = species[len(element) :]
    if not charge:
        return element
    return f"{element}{'-' if '-' in charge else '+'}{charge.strip('+-') or 1}"


def _neutral(name: str) -> str:
    return name.split("+")[0].split("-")[0]
