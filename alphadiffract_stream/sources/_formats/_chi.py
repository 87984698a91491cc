"""Fit2D's .chi: title, axis label, intensity label, number of points, columns."""

from __future__ import annotations

import re
from pathlib import Path

from ._axis_names import Axis, axis_of
from ._beam import beam_of
from ._columns import from_text, to_parsed
from ._parsed import Parsed, Results
from ._table import is_comment, read_table
from ._text import TextFile, read_text


def read(path: Path, max_bytes: int) -> Results:
    """One pattern. A pyFAI .chi (all header lines commented) reads as plain columns.

    Raises PatternError where rows are missing against the declared number of points.
    """
    text = read_text(path, max_bytes)
    if is_comment(text.lines[0]) or is_comment("".join(text.lines[1:2])):
        yield from_text(text)
    else:
        yield _fit2d(text)


def _fit2d(text: TextFile) -> Parsed:
    if len(text.lines) < 5:
        raise text.error("file", None, f"{len(text.lines)} lines", "a .chi has 4 and the data")
    counts = text.lines[3].split()
    if not counts or not re.fullmatch(r"[0-9]{1,9}", counts[0]):
        remedy = "line 4 of a .chi is the number of points; rename the file if it is plain columns"
        raise text.error("number of points", 3, text.lines[3], remedy)
    table = read_table(text, start=4)
    if len(table.values) < int(counts[0]):
        found = f"{len(table.values)} of {counts[0]} points"
        raise text.error("number of points", 3, found, "the file is truncated: write it again")
    label = text.lines[1].strip()
    axis = axis_of(label) or Axis(None, why=f"label {label[:60]!r} names no axis known here")
    return to_parsed(text, table, beam_of(table.header, str(text.path)), axis)
