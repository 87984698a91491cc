"""Metrics as a person reads them."""

from __future__ import annotations

from rich.table import Table

from ._metrics import Metrics
from ._paper import RRUFF_SUMMARY


def metrics_table(metrics: Metrics, title: str) -> Table:
    """One row a figure: this network, the naive baseline, and the paper's on its own selection."""
    table = Table("figure", "this network", "naive baseline", "paper (RRUFF)", title=title)
    rows = {
        "crystal system, top-1": (
            f"{100 * metrics.system_top1:.2f} ± {100 * metrics.system_interval:.2f} %",
            f"{100 * metrics.baseline_system:.2f} %",
        ),
        "space group, top-1": (
            f"{100 * metrics.group_top1:.2f} ± {100 * metrics.group_interval:.2f} %",
            f"{100 * metrics.baseline_group:.2f} %",
        ),
        "space group, top-5": (f"{100 * metrics.group_top5:.2f} %", ""),
        "within one subgroup edge": (_percent(metrics.within_one_edge), ""),
        "calibration error (system)": (f"{metrics.system_ece:.3f}", ""),
        "lattice length MAE": (_unit(metrics.length_mae, "Å"), ""),
        "lattice length MAPE": (_unit(metrics.length_mape, "%"), ""),
        "lattice angle MAE": (_unit(metrics.angle_mae, "°"), ""),
        "cells within 3 % and 2°": (
            "no cells known" if metrics.cells_found is None else _percent(metrics.cells_found),
            "",
        ),
    }
    for name, (own, baseline) in rows.items():
        table.add_row(name, own, baseline, RRUFF_SUMMARY.get(name, ""))
    table.add_section()
    for system, row in metrics.per_system.items():
        share = f"{100 * row['system_top1']:.1f} % system, {100 * row['group_top1']:.1f} % group"
        table.add_row(f"{system} ({row['patterns']:.0f})", share, "", "")
    table.caption = f"{metrics.patterns} patterns, {metrics.lattices} with a known Niggli cell"
    return table


def _percent(value: float | None) -> str:
    return "no graph given" if value is None else f"{100 * value:.2f} %"


def _unit(value: float | None, unit: str) -> str:
    return "no cells known" if value is None else f"{value:.2f} {unit}"
