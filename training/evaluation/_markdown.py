"""Numbers for files: Markdown tables, and JSON that every reader takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Row = Sequence[str]
Drawn = Mapping[str, Sequence[Path]]
"""Figures by the section they belong to."""


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; columns in which no row has anything are left out."""
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    lines = [[line[i] for i in kept] for line in (columns, ["---"] * len(columns), *rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rounded(value: object) -> object:
    """Six significant digits, and null for what is no number, which JSON does not know."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


def images(drawn: Drawn, section: str) -> str:
    """Links to the figures of one section."""
    return "\n\n".join(
        f"![{path.stem.replace('_', ' ')}]({path.name})" for path in drawn.get(section, ())
    )
