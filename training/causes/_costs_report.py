"""The report of what each cause costs: Markdown, figures and numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..evaluation import figures, markdown_table, rounded
from ._answers import MEASURES
from ._conditions import CLEAN_NAME, MIXED_NAME
from ._costs import Cost
from ._figure import Dot, changes_figure
from ._words import told

TITLES = {
    CLEAN_NAME: "One cause at a time, on clean scans",
    MIXED_NAME: "Everything but one cause",
}
FIGURES = {CLEAN_NAME: "alone", MIXED_NAME: "without"}


def write_costs(
    folder: Path, costs: Sequence[Cost], settings: dict[str, Any], command: str
) -> Path:
    """``report.md``, ``alone.png``, ``without.png`` and ``causes.json``; returns the first."""
    values = {
        "settings": settings,
        "populations": {
            population: {c.condition.name: c.as_dict() for c in costs if c.population == population}
            for population in _populations(costs)
        },
    }
    text = json.dumps(rounded(values), indent=1, ensure_ascii=False)
    (folder / "causes.json").write_text(text + "\n", encoding="utf-8")
    for beside, name in FIGURES.items():
        dots = [
            Dot(c.condition.name, c.population, c.changes)
            for c in costs
            if c.condition.beside == beside
        ]
        if dots:
            figures.save(changes_figure(dots), folder / f"{name}.png")
    report = folder / "report.md"
    report.write_text(costs_markdown(costs, settings, command), encoding="utf-8")
    return report


def costs_markdown(costs: Sequence[Cost], settings: dict[str, Any], command: str) -> str:
    """The whole report."""
    network, patterns = ", ".join(settings["network"]), settings["patterns"]
    parts = [
        f"""# What each cause costs: {network}

```console
$ {command}
```

Cu Kα scans of {patterns} crystals of families held out from training and memory (**new**) and of
{patterns} trained on (**known**), at steps of {settings["step"]}° unless said, converted and
brought to the grid as the service does it. Every condition draws the same crystals from the same
random numbers but for the cause named. Changes are in points, with 95 % intervals paired scan by
scan; **bold** where they leave out zero (of so many rows one in twenty does by chance). Exact
McNemar tests and confusions: `causes.json`.""",
        "## Where it starts\n\n" + _shares(costs),
    ]
    for beside, title in TITLES.items():
        if not any(c.condition.beside == beside for c in costs):
            continue
        parts.append(f"## {title}\n\n{_table(costs, beside)}\n\n![{title}]({FIGURES[beside]}.png)")
    return "\n\n".join(parts) + "\n"


def _populations(costs: Sequence[Cost]) -> list[str]:
    return list(dict.fromkeys(c.population for c in costs))


def _shares(costs: Sequence[Cost]) -> str:
    rows = [
        (c.condition.name, c.population, *(_percent(c.shares.get(m)) for m in MEASURES), _wrong(c))
        for c in costs
        if c.condition.name in TITLES
    ]
    columns = ("switched on", "crystals", *(f"{m} / %" for m in MEASURES), "too low, too high / %")
    return markdown_table(columns, rows)


def _table(costs: Sequence[Cost], beside: str) -> str:
    names = _populations(costs)
    found = {(c.condition.name, c.population): c for c in costs if c.condition.beside == beside}
    columns = ["", *(f"{n}: {m}" for n in names for m in MEASURES)]
    rows = [
        [name, *(told(found[name, n].changes.get(m)) for n in names for m in MEASURES)]
        for name in dict.fromkeys(name for name, _ in found)
    ]
    return markdown_table(columns, rows)


def _wrong(c: Cost) -> str:
    return f"{100 * c.too_low:.1f}, {100 * c.too_high:.1f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"
