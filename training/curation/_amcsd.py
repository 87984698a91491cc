"""The American Mineralogist Crystal Structure Database, as the package larixite ships it (SQLite).

R. T. Downs and M. Hall-Wallace, American Mineralogist 88 (2003) 247. Its structures were measured,
most of them of minerals; larixite's copy leaves out large and nearly equal ones.
"""

from __future__ import annotations

import json
import re
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import gemmi
import numpy as np

from ..reflections import MINERAL
from ._entries import Entry
from ._errors import CurationError

FILE = "amcsd_cif1.db"
TABLES = {"cif", "spacegroups", "minerals"}
CALCULATED = re.compile(
    r"hypothetical|calculated|simulat|predicted|ab initio|first.principles|\bDFT\b", re.I
)
"""Words of the title or the compound of a structure that nobody measured."""
_CELL = ("a", "b", "c", "alpha", "beta", "gamma")
_SITE_COLUMNS = {
    "atoms_x": "fract_x",
    "atoms_y": "fract_y",
    "atoms_z": "fract_z",
    "atoms_occupancy": "occupancy",
    "atoms_u_iso": "U_iso_or_equiv",
}
_ANISO = {f"atoms_aniso_u{i}": f"U_{i}" for i in (11, 22, 33, 12, 13, 23)}
_SCALE = 4e6
"""Numbers are whole in units of 1/_SCALE."""
_UNKNOWN, _NOT_GIVEN = 2.0, 3.0
"""What the file writes for a question mark and for a dot."""
_QUERY = """
SELECT cif.*, minerals.name AS mineral, spacegroups.hm_notation, spacegroups.symmetry_xyz
FROM cif LEFT JOIN minerals ON minerals.id = cif.mineral_id
LEFT JOIN spacegroups ON spacegroups.id = cif.spacegroup_id ORDER BY cif.id
"""


def installed_amcsd() -> Path:
    """The file of the installed larixite, which is not imported. Raises CurationError."""
    package = find_spec("larixite")
    places = package.submodule_search_locations if package else None
    for place in places or ():
        if (found := Path(place) / FILE).is_file():
            return found
    raise CurationError(
        "amcsd: the minerals come with the package larixite; pip install --no-deps larixite "
        f"(or name its file {FILE})"
    )


def check_amcsd(path: Path) -> None:
    """Raises CurationError where `path` is another sort of file."""
    try:
        with closing(_open(path)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            missing = TABLES - {name for (name,) in rows}
    except sqlite3.DatabaseError as error:
        raise CurationError(f"{path}: not a SQLite data base ({error})") from None
    if missing:
        raise CurationError(f"{path}: not larixite's AMCSD; no table {', '.join(sorted(missing))}")


def amcsd_entries(path: Path) -> Iterator[Entry]:
    """Every structure as CIF text named ``amcsd-<id>``, in the order of their numbers."""
    with closing(_open(path)) as database:
        database.row_factory = sqlite3.Row
        for row in database.execute(_QUERY):
            words = f"{row['compound']} {row['pub_title']}"
            kind = "theoretical cif text" if CALCULATED.search(words) else "measured cif text"
            yield Entry(kind, f"{MINERAL}{row['id']}", cif_text(row))


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def cif_text(row: sqlite3.Row) -> str:
    """One row of the data base as a CIF."""
    block = gemmi.cif.Block(f"amcsd_{row['id']}")
    block.set_pair("_chemical_name_mineral", gemmi.cif.quote(row["mineral"] or "?"))
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(row["formula"] or "?"))
    for name in _CELL:
        edge = "length" if len(name) == 1 else "angle"
        block.set_pair(f"_cell_{edge}_{name}", row[name])
    block.set_pair("_symmetry_space_group_name_H-M", gemmi.cif.quote(row["hm_notation"] or "?"))
    operations = block.init_loop("_space_group_", ["symop_operation_xyz"])
    for operation in json.loads(row["symmetry_xyz"] or "[]"):
        operations.add_row([gemmi.cif.quote(operation)])
    _sites(block, row)
    return block.as_string()


def _sites(block: gemmi.cif.Block, row: sqlite3.Row) -> None:
    labels = json.loads(row["atoms_sites"])
    if not isinstance(labels, list):
        return
    columns = [_numbers(row[name], len(labels)) for name in _SITE_COLUMNS]
    loop = block.init_loop("_atom_site_", ["label", *_SITE_COLUMNS.values()])
    for i, label in enumerate(labels):
        loop.add_row([_unique(label, i), *(column[i] for column in columns)])
    _displacements(block, row, labels)


def _displacements(block: gemmi.cif.Block, row: sqlite3.Row, labels: list[str]) -> None:
    named = json.loads(row["atoms_aniso_label"])
    if not isinstance(named, list):
        return
    columns = [_numbers(row[name], len(named)) for name in _ANISO]
    loop = block.init_loop("_atom_site_aniso_", ["label", *_ANISO.values()])
    for i, label in enumerate(named):
        if label in labels:
            site = _unique(label, labels.index(label))
            loop.add_row([site, *(column[i] for column in columns)])


def _unique(label: str, site: int) -> str:
    """Authors give two sites one label."""
    return gemmi.cif.quote(f"{label}_{site}")


def _numbers(packed: str, count: int) -> list[str]:
    """As CIF values; all unknown where the data base has none for each of `count` sites."""
    if packed in ("0", None):
        return ["."] * count
    values = np.frombuffer(b64decode(packed), dtype="<i4") / _SCALE
    if len(values) != count:
        return ["?"] * count
    odd = np.isclose(values, _UNKNOWN) | np.isclose(values, _NOT_GIVEN)
    return ["?" if o else f"{v:.6f}" for v, o in zip(values, odd, strict=True)]
