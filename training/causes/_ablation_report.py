"""The ablation table: Markdown, figure and numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..evaluation import figures, markdown_table, rounded
from ._ablation import ALWAYS, Judged
from ._answers import MEASURES
from ._figure import Dot, changes_figure
from ._words import told

SHOWN = MEASURES[:3]


def write_ablation(folder: Path, rows: Sequence[Judged], steps: int) -> Path:
    """``ablation.md``, ``.json`` and ``.png`` in `folder`; returns the first."""
    values = {"steps": steps, "runs": {row.run.folder: row.as_dict() for row in rows}}
    text = json.dumps(rounded(values), indent=1, ensure_ascii=False)
    (folder / "ablation.json").write_text(text + "\n", encoding="utf-8")
    dots = [
        Dot(row.run.told, name, found)
        for row in rows
        for name, found in row.sets.items()
        if name != ALWAYS
    ]
    figures.save(changes_figure(dots), folder / "ablation.png")
    page = folder / "ablation.md"
    page.write_text(ablation_markdown(rows), encoding="utf-8")
    return page


def ablation_markdown(rows: Sequence[Judged]) -> str:
    """The first run's shares, and what each other run changes, one table a set."""
    parts = []
    for name in dict.fromkeys(name for row in rows for name in row.sets):
        here = [row for row in rows if name in row.sets]
        lines = [
            (row.run.told, *_before(row, name), *(told(row.sets[name].get(m)) for m in MEASURES))
            for row in here
        ]
        columns = ["left out", *(f"full: {m} / %" for m in SHOWN[:2] if name == ALWAYS), *MEASURES]
        table = markdown_table(columns, lines)
        parts.append(f"## {_title(name, here)}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _before(row: Judged, name: str) -> list[str]:
    """Where each row has its own patterns: the full run on them."""
    if name != ALWAYS:
        return []
    return [f"{100 * row.sets[name][m].share.first:.2f}" for m in SHOWN[:2]]


def _title(name: str, rows: Sequence[Judged]) -> str:
    if name == ALWAYS:
        return name
    found = rows[0].sets[name]
    shares = ", ".join(f"{m} {100 * found[m].share.first:.2f} %" for m in MEASURES if m in found)
    return f"{name}; the full run: {shares}"
