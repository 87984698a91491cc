"""Plain columns (.xy .xye .dat .txt .csv): axis, intensity and sigma by header name or place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...errors import PatternError
from ...pattern import RadialUnit
from ._axis_names import Axis, axis_of
from ._beam import Beam, beam_of, to_wavelength
from ._parsed import Parsed, Results
from ._table import Dialect, Table, read_table
from ._text import TextFile, read_text, shorten

_MARK = re.compile(r"^\s*(?:[#;!'%*]|//|/\*)+\s*")
_SIGMA = re.compile(
    r"(?:i[\s_]*)?(?:sig(?:ma)?|σ|err(?:ors?)?|e\.?s\.?d\.?|std(?:dev)?|unc(?:ertainty)?|d[iy]|sd|e)"
    r"(?![a-z])|.*(?:sigma|error|esd|uncertaint|std)",
    re.IGNORECASE,
)
_INTENSITY = re.compile(
    r"(?:i|y|int|cps|y_?(?:obs|exp)|i_?(?:obs|exp)|signal|counts?|det\w*)(?![a-z])|.*(?:intensit|counts)",
    re.IGNORECASE,
)
_PYFAI_UNIT = re.compile(r"(?<![\w^])(?:2th_(?:deg|rad)|q_(?:nm|A)\^-1|r_m?m|d\*2_\w+\^-2)(?!\w)")
_KEYED_AXIS = re.compile(
    r"^(?:(?:x|radial)[\s_-]?)?(?:axis|unit|units|label)(?:[\s_-]?(?:unit|name|label))?\s*[:=]\s*(.+)",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r"^[#;!'%*/\s]*(?:sample(?:[\s_]?name)?|title|names)\s*[:=]\s*(.+)", re.I)
_ANODE = re.compile(
    r"(?i:anode|target)[\s_]*(?i:material)?[\s:=,\"]+([A-Z][a-z]?)\b"
    r"|\b(Ag|Co|Cr|Cu|Fe|Ga|In|Mo|W)[\s_-]*K[\s_-]*(?:alpha|α|a)",
)
_LONGEST_NAMES = 2000


def read(path: Path, max_bytes: int) -> Results:
    """One pattern from two or three columns, or more where a header names them.

    Raises PatternError naming the line at fault.
    """
    text = read_text(path, max_bytes)
    yield from_text(text)


def from_text(text: TextFile) -> Parsed:
    """As `read`, from lines already in memory."""
    table = read_table(text)
    beam = beam_of(table.header, str(text.path))
    if text.path.suffix.lower() == ".xye" and beam == Beam():
        beam = _dash(table)
    return to_parsed(text, table, beam, None)


def to_parsed(text: TextFile, table: Table, beam: Beam, axis: Axis | None) -> Parsed:
    """Columns of `table` in their roles. `axis` is what a format's own label says, if it does."""
    names = _names(table)
    roles = _roles(text, table, names)
    clash: PatternError | None = None
    if axis is None:
        axis = axis_of(names[roles[0]]) if names else None
    if axis is None:
        axis, clash = _hint(text, table)
    unit, scale, doubts = settle(axis, str(text.path))
    if clash:
        doubts["unit"] = clash
    if beam.doubt:
        doubts["wavelength"] = beam.doubt
    values, sigma = table.values, roles[2]
    return Parsed(
        axis=values[:, roles[0]].copy(),
        intensity=values[:, roles[1]].copy(),
        sigma=None if sigma is None else values[:, sigma].copy(),
        unit=unit,
        scale=scale,
        wavelength=beam.wavelength,
        wavelength_source=beam.source,
        doubts=doubts,
        metadata=metadata(table, names, roles),
    )


def settle(
    axis: Axis | None, place: str
) -> tuple[RadialUnit | None, float, dict[str, PatternError]]:
    """Unit, scale and doubts of a recognised axis; all empty for None."""
    if axis is None:
        return None, 1.0, {}
    if axis.unit is not None:
        return axis.unit, axis.scale, {}
    remedy = "integrate on 2θ, q or d, or give the unit if the label is wrong"
    return None, 1.0, {"unit": PatternError("radial axis", f"{place}: {axis.why}", remedy)}


def metadata(table: Table, names: list[str], roles: tuple[int, int, int | None]) -> dict[str, Any]:
    """What the header says of the sample and the tube, and which columns were left aside."""
    found: dict[str, Any] = {}
    for _, line in table.header:
        sample = _SAMPLE.match(line[:1000])
        if sample and "sample" not in found:
            found["sample"] = shorten(sample[1].strip(), 200)
        anode = _ANODE.search(line[:1000])
        if anode and "anode" not in found:
            # A name only: which line, or which mixture of lines, the file does not say.
            found["anode"] = anode[1] or anode[2]
    unused = [name for i, name in enumerate(names) if i not in roles]
    return found | ({"unused_columns": unused} if unused else {})


def _dash(table: Table) -> Beam:
    """DASH writes the wavelength alone on the first line of an .xye."""
    for index, line in table.lone:
        value = float(line.lower().replace("d", "e"))
        wavelength = to_wavelength(value, "å", energy=False) if "." in line else None
        if wavelength:
            return Beam(wavelength, f"line {index + 1} (a lone number before the data)")
    return Beam()


def _names(table: Table) -> list[str]:
    """Column names from the header lines next to the data; empty where none fit."""
    width = table.values.shape[1]
    rows = [_cells(line, table.dialect, width) for _, line in table.header[-3:]]
    for place, cells in enumerate(rows):
        if len(cells) != width or not _are_names(cells):
            continue
        below = rows[place + 1] if place + 1 < len(rows) else []
        if len(below) == width and not axis_of(below[0]):
            return [f"{name} ({unit})" for name, unit in zip(cells, below, strict=True)]
        return cells
    return []


def _cells(line: str, dialect: Dialect, width: int) -> list[str]:
    text = _MARK.sub("", line[:_LONGEST_NAMES])
    cuts = [dialect.split(text)]
    if dialect.separator is None:
        joined = re.sub(r"\s+(?=[\[(])", "", re.sub(r"[\[(][^\])]*[\])]", _glued, text))
        cuts += [re.split(r"\t+|\s{2,}|\s*,\s*", text.strip()), joined.split()]
    return next((cells for cells in cuts if len(cells) == width), [])


def _glued(found: re.Match[str]) -> str:
    return found[0].replace(" ", "")


def _are_names(cells: list[str]) -> bool:
    """Not "Time 12:00", "unit: q_nm^-1" or "scan 5": an axis first, or an intensity anywhere."""
    if any(Dialect(None).is_number(cell) or cell[-1:] in (":", "=") for cell in cells):
        return False
    first = axis_of(cells[0])
    return bool(first and first.unit) or any(_role(cell) == "intensity" for cell in cells)


def _role(name: str) -> str:
    if axis_of(name):
        return "axis"
    if _SIGMA.match(name):
        return "sigma"
    return "intensity" if _INTENSITY.match(name) else ""


def _roles(text: TextFile, table: Table, names: list[str]) -> tuple[int, int, int | None]:
    """Indices of axis, intensity and sigma."""
    width = table.values.shape[1]
    if not names:
        if width > 3:
            found = f"{width} and no header line that names them"
            remedy = "name them (two_theta intensity sigma …) or keep two or three"
            raise text.error("columns", None, found, remedy)
        return 0, 1, 2 if width == 3 else None
    roles = [_role(name) for name in names]
    usable = [i for i, name in enumerate(names) if (axis := axis_of(name)) and axis.unit]
    axis = usable[0] if usable else 0
    rest = [i for i in range(width) if i != axis]
    intensity = next((i for i in rest if roles[i] == "intensity"), None)
    if intensity is None:
        intensity = next((i for i in rest if not roles[i]), rest[0])
    sigma = next((i for i in rest if roles[i] == "sigma" and i != intensity), None)
    return axis, intensity, sigma


def _hint(text: TextFile, table: Table) -> tuple[Axis | None, PatternError | None]:
    """An axis named elsewhere in the header: a pyFAI unit, ``axis: q (1/Å)``, a title line."""
    axes: list[Axis] = []
    for _, line in table.header:
        named = [found[0] for found in _PYFAI_UNIT.finditer(line[:1000])]
        keyed = _KEYED_AXIS.match(_MARK.sub("", line[:1000]))
        axes += [axis for name in [*named, keyed[1] if keyed else ""] if (axis := axis_of(name))]
    if not axes and table.header:
        last = _MARK.sub("", table.header[-1][1])
        axis = axis_of(last)
        # A sentence may start with "d"; a label carries a unit, or is 2θ by name.
        if axis and axis.unit and re.search(r"[\[(_]|th", last) and len(last) < 80:
            axes.append(axis)
    if len(set(axes)) > 1:
        found = "header names more than one radial axis"
        return None, text.error("radial axis", None, found, "keep one, or give the unit")
    return (axes[0] if axes else None), None
