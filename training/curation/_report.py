"""What a curation did, for a person and for the record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.table import Table

from ._analysis import Tolerances
from ._rules import rules
from ._sources import Source


class RuleCount(BaseModel):
    """One rule and what fell at it."""

    rule: str
    wanted: str
    fell: int
    left: int
    """Structures that passed this rule and all before it."""
    reasons: dict[str, int]


class CurationReport(BaseModel):
    """Written beside the curated structures."""

    sources: list[dict[str, Any]]
    tolerances: dict[str, Any]
    software: dict[str, str]
    created: str
    entries: int
    """Lines and files."""
    structures: int
    """A CIF may hold several."""
    kept: int
    disordered: int
    """Of those kept: with shared or partly empty sites."""
    families: int
    """Of those kept: distinct pairs of reduced formula and space group."""
    space_groups: dict[int, int]
    rules: list[RuleCount]


def summarize(
    counts: Iterable[Path], sources: list[Source], tolerances: Tolerances
) -> CurationReport:
    """The sum of all parts' counts."""
    total: Counter[str] = Counter()
    groups: Counter[int] = Counter()
    fallen: Counter[tuple[str, str]] = Counter()
    families: set[str] = set()
    for path in counts:
        part = json.loads(path.read_text(encoding="utf-8"))
        total.update({name: part[name] for name in ("entries", "kept", "disordered")})
        groups.update({int(number): n for number, n in part["space_groups"].items()})
        families.update(part["families"])
        for rule, reason, n in part["rejected"]:
            fallen[rule, reason] += n
    return CurationReport(
        sources=[
            {"kind": s.kind, "path": str(s.path), "files": max(1, len(s.members))} for s in sources
        ],
        tolerances=tolerances.as_json(),
        software={name: version(name) for name in ("spglib", "gemmi", "numpy")},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        entries=total["entries"],
        structures=total["kept"] + sum(fallen.values()),
        kept=total["kept"],
        disordered=total["disordered"],
        families=len(families),
        space_groups=dict(sorted(groups.items())),
        rules=_by_rule(total["kept"] + sum(fallen.values()), fallen, tolerances),
    )


def _by_rule(
    structures: int, fallen: Counter[tuple[str, str]], tolerances: Tolerances
) -> list[RuleCount]:
    rows, left = [], structures
    for rule in rules(tolerances):
        reasons = {reason: n for (name, reason), n in fallen.most_common() if name == rule.name}
        fell = sum(reasons.values())
        left -= fell
        rows.append(
            RuleCount(rule=rule.name, wanted=rule.wanted, fell=fell, left=left, reasons=reasons)
        )
    return rows


def report_table(report: CurationReport) -> Table:
    """How many fell at each rule, most frequent reasons below it."""
    table = Table("rule", "what passes", "fell", "left", title="Structures by rule")
    table.add_row("", "read from the sources", "", f"{report.structures}")
    for row in report.rules:
        table.add_row(row.rule, row.wanted, f"{row.fell}", f"{row.left}")
        if len(row.reasons) > 1:
            for reason, n in list(row.reasons.items())[:5]:
                table.add_row("", f"  {reason}", f"  {n}", "", style="dim")
    table.caption = (
        f"{report.kept} kept: {report.families} families in {len(report.space_groups)} space "
        f"groups, {report.disordered} with shared or partly empty sites"
    )
    return table
