"""Columns of numbers out of text: which separator, which decimal mark, where the header ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ._text import TextFile

_COMMENT = re.compile(r"\s*(?:[#;!'%*]|//|/\*)")
_TRAILING_COMMENT = re.compile(r"\s[#!].*$")
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)
_COMMA_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+,?\d*|,\d+)(?:[eEdD][+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)
_LONGEST_NUMBER = 100


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a row is cut into cells. Separator None is white space."""

    separator: str | None
    decimal_comma: bool = False

    def split(self, line: str) -> list[str]:
        """Cells of one row, without quotes; a separator at the end of the row is none."""
        if self.separator is None:
            return [cell.strip('"') for cell in line.split()]
        line = line.strip().removesuffix(self.separator)
        return [cell.strip().strip('"').strip() for cell in line.split(self.separator)]

    def is_number(self, cell: str) -> bool:
        """Whether `cell` is one number in this dialect; a thousand digits are none."""
        return len(cell) <= _LONGEST_NUMBER and bool(
            (_COMMA_NUMBER if self.decimal_comma else _NUMBER).fullmatch(cell)
        )

    def to_float(self, cell: str) -> float:
        """A cell that `is_number`, Fortran's D exponent included."""
        return float(cell.lower().replace(",", ".").replace("d", "e"))


# In this order: "5,0 1,5" is two numbers with decimal commas only because no other reading fits.
_DIALECTS = (Dialect(";"), Dialect(";", True), Dialect(None), Dialect(","), Dialect(None, True))


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a text file and the header lines before them."""

    values: NDArray[np.float64]
    """(rows, columns)"""
    header: list[tuple[int, str]]
    """(line index from 0, text) of every line before the first row, blank ones left out."""
    dialect: Dialect
    lone: list[tuple[int, str]]
    """Uncommented header lines that are a single number (a count, or a wavelength)."""


def is_comment(line: str) -> bool:
    """Whether `line` starts with one of ``# ; ! ' % * // /*``."""
    return bool(_COMMENT.match(line))


def read_table(text: TextFile, start: int = 0) -> Table:
    """The one block of numbers in `text` from line index `start`.

    Raises PatternError for a file without numbers, and naming the line for text in a column, a
    row of another length, or decimal commas that cannot be told from separators.
    """
    first, dialect = _first_row(text, start)
    header = [(i, text.lines[i].strip()) for i in range(first) if text.lines[i].strip()]
    lone = [(i, s) for i, s in header if i >= start and Dialect(None).is_number(s)]
    rows = [(i, s) for i, s in enumerate(text.lines[first:], first) if s and not s.isspace()]
    rows = [(i, s) for i, s in rows if not is_comment(s)]
    dialect = _decimal_mark(dialect, rows)
    values = _fast(dialect, rows)
    if values is None:
        values = _slow(text, dialect, rows)
    _refuse_ambiguous(text, dialect, rows, values)
    return Table(values, header, dialect, lone)


def _first_row(text: TextFile, start: int) -> tuple[int, Dialect]:
    for index, line in enumerate(text.lines[start:], start):
        if not line or is_comment(line):
            continue
        for dialect in _DIALECTS:
            cells = dialect.split(_TRAILING_COMMENT.sub("", line))
            if len(cells) >= 2 and all(dialect.is_number(cell) for cell in cells):
                return index, dialect
    raise _no_rows(text, start)


def _no_rows(text: TextFile, start: int) -> PatternError:
    remedy = "give rows of two or three numbers, without mixing decimal comma and point"
    for index, line in enumerate(text.lines[start:], start):
        if line.lstrip()[:1].isdigit():
            return text.error("file", index, f"no row of numbers: {line.strip()}", remedy)
    return text.error("file", None, "no rows of numbers", remedy)


def _decimal_mark(dialect: Dialect, rows: Iterable[tuple[int, str]]) -> Dialect:
    """The first row may hold whole numbers only; the others then decide about the comma."""
    if dialect.separator == "," or dialect.decimal_comma:
        return dialect
    points = commas = False
    for _, line in rows:
        points = points or "." in line
        commas = commas or "," in line
    return Dialect(dialect.separator, commas and not points)


def _fast(dialect: Dialect, rows: list[tuple[int, str]]) -> NDArray[np.float64] | None:
    lines = [line.strip().removesuffix(dialect.separator or "\0") for _, line in rows]
    if dialect.decimal_comma:
        lines = [line.replace(",", ".") for line in lines]
    try:
        return np.loadtxt(lines, delimiter=dialect.separator, comments=None, ndmin=2, quotechar='"')
    except ValueError:
        return None


def _slow(text: TextFile, dialect: Dialect, rows: list[tuple[int, str]]) -> NDArray[np.float64]:
    """Row by row: takes what the fast way does not know, and names the line that is wrong."""
    table = [(i, dialect.split(_TRAILING_COMMENT.sub("", line))) for i, line in rows]
    width = Counter(len(cells) for _, cells in table).most_common(1)[0][0]
    for index, cells in table:
        for column, cell in enumerate(cells, 1):
            if not dialect.is_number(cell):
                raise text.error(
                    f"column {column}",
                    index,
                    cell or "empty",
                    "numbers only: correct the row, or start the line with # if it is a comment",
                )
        if len(cells) != width:
            remedy = f"the other rows have {width}: complete or remove it (truncated file?)"
            raise text.error("columns", index, f"{len(cells)} in this row", remedy)
    return np.array([[dialect.to_float(cell) for cell in cells] for _, cells in table])


def _refuse_ambiguous(
    text: TextFile, dialect: Dialect, rows: list[tuple[int, str]], values: NDArray[np.float64]
) -> None:
    """``5,01,123`` is 2θ 5.01 or 2θ 5 with a third column; whole, repeated angles give it away."""
    if dialect.separator != "," or len(values) < 2:
        return
    repeated = np.any(np.diff(values[:, 0]) == 0)
    if repeated and not any("." in line for _, line in rows):
        raise text.error(
            "file",
            rows[0][0],
            rows[0][1].strip(),
            "decimal commas cannot be told from comma separators: export with ; or tabs",
        )
