"""``similarity.md``, ``.json`` and ``.png``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ._run import FamilyResult
from ._summary import SimilaritySummary


def write_report(folder: Path, summary: SimilaritySummary, results: Sequence[FamilyResult]) -> Path:
    """Write all three; returns the Markdown's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "similarity.json").write_text(
        summary.model_dump_json(indent=1) + "\n", encoding="utf-8"
    )
    _plot(folder / "similarity.png", summary, results)
    path = folder / "similarity.md"
    path.write_text(markdown(summary), encoding="utf-8")
    return path


def markdown(summary: SimilaritySummary) -> str:
    """The report as a person reads it."""
    total = sum(share.unique + share.equivalent for share in summary.shares.values())
    lines = [
        f"# Similarity of {' and '.join(summary.sets)}",
        "",
        f"{summary.structures} structures in {summary.families} families (formula and space "
        f"group); {summary.compared} share theirs with others and were compared. CrystalNN "
        f"fingerprints, complete linkage, equal within a distance of {summary.threshold:g}.",
        "",
        "| crystals in | unique | equivalent to one of them | share of all structures |",
        "|---|---|---|---|",
    ]
    for where, share in summary.shares.items():
        part = (share.unique + share.equivalent) / total
        lines.append(f"| {where} | {share.unique} | {share.equivalent} | {100 * part:.1f} % |")
    lines += ["", "![Counts and distances](similarity.png)", ""]
    if summary.largest:
        lines += ["Most often repeated:", ""]
        lines += [f"- {identifier}: {count} times" for identifier, count in summary.largest]
        lines.append("")
    if summary.failed:
        lines += [f"Without a fingerprint ({len(summary.failed)}):", ""]
        lines += [f"- {name}: {reason}" for name, reason in sorted(summary.failed.items())]
        lines.append("")
    return "\n".join(lines)


def _plot(path: Path, summary: SimilaritySummary, results: Sequence[FamilyResult]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(summary.shares)
    unique = [summary.shares[name].unique for name in names]
    equivalent = [summary.shares[name].equivalent for name in names]
    left.barh(names, unique, label="unique")
    left.barh(names, equivalent, left=unique, label="equivalent to one of them")
    left.set_xlabel("structures")
    left.invert_yaxis()
    left.legend(fontsize="small")
    distances = np.array([d for result in results for d in result.distances])
    if distances.size:
        right.hist(distances, bins=60, color="0.4")
        right.axvline(summary.threshold, color="tab:red", label=f"{summary.threshold:g}")
        right.set_yscale("log")
        right.legend(fontsize="small")
    right.set_xlabel("distance of two structures of one family")
    right.set_ylabel("pairs")
    figure.savefig(path, dpi=150)
