"""The report: Markdown, figures and numbers of every network on every set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import figures
from ._assess import Assessment
from ._markdown import rounded
from ._networks import Contender
from ._sections import markdown


def write_report(
    folder: Path,
    contender: Contender,
    main: Sequence[Assessment],
    others: Sequence[Assessment] = (),
    command: str = "python -m training evaluate",
) -> Path:
    """``report.md`` with its PNG figures and ``metrics.json`` in `folder`; returns the report.

    `main`: the network reported on, one assessment a set; `others`: networks beside it on the same
    sets, by their labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = _figures(folder, main, others)
    values = {
        "network": [engine.card.model_dump(include=CARD) for engine in contender.engines],
        "sets": {a.labelled.name: a.as_dict() for a in main},
        "beside": {f"{a.network} on {a.labelled.name}": a.as_dict() for a in others},
    }
    text = json.dumps(rounded(values), indent=1, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    report = folder / "report.md"
    report.write_text(markdown(contender, main, others, drawn, command), encoding="utf-8")
    return report


CARD = {"name", "version", "sha256", "training_set", "members", "parameters", "temperature"}


def _figures(
    folder: Path, main: Sequence[Assessment], others: Sequence[Assessment]
) -> dict[str, list[Path]]:
    """Section → the figures in it."""
    named = {a.labelled.name: a for a in main}
    drawn: dict[str, list[Path]] = {}

    def keep(section: str, name: str, figure: object) -> None:
        path = figures.save(figure, folder / f"{name}.png")  # type: ignore[arg-type]
        drawn.setdefault(section, []).append(path)

    graph = {
        name: {
            b.network: b.metrics.graph_distance
            for b in (a, *(o for o in others if o.labelled.name == name))
            if b.metrics.graph_distance is not None
        }
        for name, a in named.items()
    }
    if all(graph.values()):
        keep("graph", "graph_distance", figures.graph_figure(graph))
    keep(
        "systems", "per_system", figures.per_system_figure({n: a.metrics for n, a in named.items()})
    )
    confusion = {name: a.metrics.confusion for name, a in named.items()}
    keep("systems", "confusion", figures.confusion_figure(confusion))
    lattices = {name: _parity(a) for name, a in named.items() if a.metrics.lattice}
    if lattices:
        keep("lattice", "parity", figures.parity_figure(lattices))
    calibration = {name: a.calibration() for name, a in named.items()}
    risk = {name: a.risk_coverage() for name, a in named.items()}
    keep("trust", "trust", figures.trust_figure(calibration, risk))
    if all(a.sizes for a in main):
        sizes = {name: a.sizes for name, a in named.items()}
        keep("ensemble", "ensemble_size", figures.ensemble_figure(sizes))
    pairs = {name: a.counterpart for name, a in named.items() if a.counterpart}
    both = {
        name: {"measured": m.graph_distance, "simulated": s.graph_distance}
        for name, (m, s) in pairs.items()
        if m.graph_distance is not None and s.graph_distance is not None
    }
    if both:
        keep("seen", "measured_and_simulated", figures.graph_figure(both))
    return drawn


def _parity(a: Assessment) -> figures.Parity:
    known = np.isfinite(a.labelled.niggli).all(axis=1)
    return figures.Parity(a.outputs.lattice[known], a.labelled.niggli[known], a.metrics.lattice)
