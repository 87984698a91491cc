"""GSAS powder data (.fxye .gsas .gda .raw): BANK records of constant step or with their own 2θ.

Layout: GSAS manual (Larson & Von Dreele, LAUR 86-748), "The raw histogram file". Angles are in
centidegrees. Time-of-flight binning (RALF, SLOG, TIME_MAP…) has the same columns in µs and is
told from angles by its name alone, so anything but CONST is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...pattern import RadialUnit
from ._beam import Beam, beam_of
from ._parsed import Parsed, Results
from ._table import read_table
from ._text import TextFile, read_text

_CENTIDEGREE = 0.01


@dataclass(frozen=True, slots=True)
class Bank:
    """One BANK line and the records under it."""

    number: str
    n_points: int
    start: float
    """Degrees 2θ."""
    step: float
    layout: str
    """FXYE, FXY, ESD or STD."""
    first: int
    """Index of the line after BANK."""
    text: TextFile
    """The file cut off at the next BANK, so that line numbers stay true."""


def read(path: Path, max_bytes: int) -> Results:
    """One pattern a bank. Raises PatternError; a bad bank does not lose the next."""
    text = read_text(path, max_bytes)
    starts = [i for i, line in enumerate(text.lines) if line[:5].upper() == "BANK "]
    if not starts:
        raise text.error("file", None, "no BANK line", "rename it if it is plain columns (.xye)")
    header = [(i, line) for i, line in enumerate(text.lines[: starts[0]])]
    title = text.lines[0].strip() if starts[0] else ""
    for place, index in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else len(text.lines)
        comments = [(i, s) for i, s in enumerate(text.lines[:end]) if i > index and s[:1] == "#"]
        beam = beam_of([*header, *comments], str(path))
        try:
            bank = _bank(text, index, end)
            yield _parsed(bank, beam, {"sample": title, "bank": bank.number})
        except PatternError as error:
            yield error


def _bank(text: TextFile, index: int, end: int) -> Bank:
    words = text.lines[index].split()
    layout = words[-1].upper() if words[-1].upper() in _LAYOUTS else ""
    binning = words[4].upper() if len(words) > 4 else "nothing"
    if not binning.startswith("CONS"):
        remedy = "only constant-wavelength (CONST) banks hold 2θ; time of flight cannot be analysed"
        raise text.error("BANK binning", index, binning, remedy)
    if not layout and words[-1][:1].isalpha() and len(words) > 5:
        raise text.error("BANK layout", index, words[-1], "use FXYE, FXY, ESD or STD")
    try:
        n_points = int(words[2])
        start, step = (float(word) * _CENTIDEGREE for word in words[5:7])
        if not (0 < n_points < 10**8 and np.isfinite([start, step]).all()):
            raise ValueError
    except ValueError:
        remedy = "write BANK n points records CONST start step 0 0 FXYE|ESD|STD"
        raise text.error("BANK", index, text.lines[index].strip(), remedy) from None
    cut = TextFile(text.path, text.lines[:end])
    return Bank(words[1], n_points, start, step, layout or "STD", index + 1, cut)


def _parsed(bank: Bank, beam: Beam, metadata: dict[str, str]) -> Parsed:
    axis, intensity, sigma = _LAYOUTS[bank.layout](bank)
    return Parsed(
        axis=axis,
        intensity=intensity,
        sigma=sigma,
        unit=RadialUnit.TWO_THETA_DEG,
        wavelength=beam.wavelength,
        wavelength_source=beam.source,
        doubts={"wavelength": beam.doubt} if beam.doubt else {},
        metadata=metadata,
    )


_Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]


def _free(bank: Bank) -> _Columns:
    """FXYE and FXY: free columns of centidegrees, intensity and, for FXYE, its esd."""
    table = read_table(bank.text, start=bank.first)
    rows, width = table.values.shape
    wanted = 3 if bank.layout == "FXYE" else 2
    if width < wanted:
        raise bank.text.error(
            "columns", bank.first, width, f"{bank.layout} has {wanted}: centidegrees, intensity…"
        )
    _complete(bank, rows)
    x, y = table.values[:, 0] * _CENTIDEGREE, table.values[:, 1].copy()
    return x, y, table.values[:, 2].copy() if wanted == 3 else None


def _esd(bank: Bank) -> _Columns:
    """ESD: five pairs (intensity, esd) a record, eight characters a number."""
    values = np.array(_fields(bank, (8, 8)), dtype=float).reshape(-1, 2)
    return _steps(bank), values[:, 0].copy(), values[:, 1].copy()


def _std(bank: Bank) -> _Columns:
    """STD: ten intensities a record, each two characters of detector count and six of counts."""
    values = np.array(_fields(bank, (2, 6)), dtype=float).reshape(-1, 2)
    detectors, counts = np.maximum(values[:, 0], 1.0), values[:, 1].copy()
    # Averages over detectors: var = counts / detectors; one count stands in where none was seen.
    return _steps(bank), counts, np.sqrt(np.maximum(counts, 1.0) / detectors)


_LAYOUTS = {"FXYE": _free, "FXY": _free, "ESD": _esd, "STD": _std}


def _steps(bank: Bank) -> NDArray[np.float64]:
    return bank.start + bank.step * np.arange(bank.n_points, dtype=np.float64)


def _fields(bank: Bank, widths: tuple[int, int]) -> list[tuple[float, float]]:
    """The first `n_points` pairs of fixed-width fields; a blank first field of two is 1."""
    found: list[tuple[float, float]] = []
    stride = sum(widths)
    for index, line in enumerate(bank.text.lines[bank.first :], bank.first):
        if line[:1] == "#" or not line.strip():
            continue
        line = line.rstrip().expandtabs()
        for at in range(0, min(len(line), 80), stride):
            if len(found) == bank.n_points:
                return found
            first, second = line[at : at + widths[0]], line[at + widths[0] : at + stride]
            if widths[0] == 2 and not first.strip():
                first = "1"
            found.append((_number(bank, index, first), _number(bank, index, second)))
    _complete(bank, len(found))
    return found


def _number(bank: Bank, index: int, field: str) -> float:
    try:
        return float(field)
    except ValueError:
        remedy = f"a number in each field of a {bank.layout} record (is the layout right?)"
        raise bank.text.error("record", index, repr(field), remedy) from None


def _complete(bank: Bank, rows: int) -> None:
    if rows < bank.n_points:
        raise bank.text.error(
            "number of points",
            bank.first - 1,
            f"{rows} of the {bank.n_points} the BANK line declares",
            "the file is truncated: write it again",
        )
