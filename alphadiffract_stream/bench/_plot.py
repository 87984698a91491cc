"""A report as one figure. matplotlib is an extra and is loaded only here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ._report import Report
from ._stages import STAGES


def plot(report: Report, path: Path) -> None:
    """Write a PNG, SVG or PDF, by `path`'s ending.

    Raises ConfigurationError without matplotlib, for another ending, or nothing to draw.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigurationError(f"--plot {path}: give a name that ends in .png, .svg or .pdf")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ConfigurationError(
            "--plot needs matplotlib; run `pip install 'alphadiffract-stream[bench]'`"
        ) from None
    drawings = [
        draw
        for draw, there in (
            (_stages, report.stages),
            (_batches, report.batches),
            (_loads, report.loads),
        )
        if there
    ]
    if not drawings:
        raise ConfigurationError(f"--plot {path}: nothing was measured that could be drawn")
    figure = Figure(figsize=(5.5 * len(drawings), 4.2), layout="constrained")
    for place, draw in enumerate(drawings, start=1):
        draw(report, figure.add_subplot(1, len(drawings), place))
    figure.suptitle(f"{report.machine['processor']}, {report.machine['cores']} cores", fontsize=9)
    figure.savefig(path, dpi=150)


def _stages(report: Report, axes: Any) -> None:
    left = [0.0] * len(report.stages)
    for stage in STAGES:
        widths = [stages[stage].p50 for stages in report.stages.values()]
        axes.barh(list(report.stages), widths, left=left, label=stage)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set(title="one pattern, stage by stage", xlabel="median, ms")
    axes.legend(fontsize=8)


def _batches(report: Report, axes: Any) -> None:
    for engine in report.engines:
        rows = [row for row in report.batches if row.engine == engine]
        axes.plot([row.batch for row in rows], [row.rate for row in rows], "o-", label=engine)
    axes.set(title="the engine alone", xlabel="batch", ylabel="patterns/s", ylim=(0, None))
    axes.set_xscale("log", base=2)
    axes.legend(fontsize=8)


def _loads(report: Report, axes: Any) -> None:
    for engine in report.engines:
        rows = sorted((r for r in report.loads if r.engine == engine), key=lambda r: r.load)
        for name, style in (("p50", "o-"), ("p95", "s:"), ("p99", "^--")):
            latencies = [getattr(row.end_to_end, name) for row in rows]
            label = f"{engine} {name}"
            axes.plot([row.rate for row in rows], latencies, style, label=label, markersize=4)
    axes.set(title="document in → prediction out", xlabel="events/s offered", ylabel="ms")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
