"""``python -m training calibrate``: probabilities that can be trusted, for runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.nn import functional as F

from alphadiffract_stream.grid import to_grid

from ..deployment import (
    Calibration,
    GroupCounts,
    fit_probabilities,
    prior_shift,
    write_calibration,
)
from ..deployment._calibrate import agreed_probabilities, heads
from ..deployment._prior import TARGETS, Target
from ..evaluation import (
    LabelledSet,
    Structures,
    expected_calibration_error,
    load_labelled,
)
from ..networks import HeadOutputs, build
from ..patterns import SYSTEM_LIMITS, system_sums
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import load_average, read_config

SIZE = 128
FEWEST = 100
"""Patterns below which a temperature means nothing."""


def calibrate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders: the members.")],
    output: Annotated[Path, typer.Option(help="JSON to write; `export --calibration` takes it.")],
    data: Annotated[
        Path, typer.Option(help="Reflections file trained on: held-out patterns, class counts.")
    ],
    on: Annotated[
        Path | None,
        typer.Option(help="NAME.npz to fit on instead of held-out patterns; never RRUFF."),
    ] = None,
    prior: Annotated[
        str, typer.Option(help=f"Classes to expect: {', '.join(TARGETS)} (no correction).")
    ] = "structures",
    strength: Annotated[
        float | None, typer.Option(help="Of the prior's correction, 0…1; fitted if not given.")
    ] = None,
    background: Annotated[str | None, typer.Option(help="Background removal, with --on.")] = None,
    patterns: Annotated[int, typer.Option(help="Held-out patterns.")] = 4096,
) -> None:
    """Fit temperatures and the class prior's correction; report both halves of a split."""
    console = Console(stderr=True)
    if prior not in TARGETS:
        raise typer.BadParameter(f"--prior {prior}: one of {', '.join(TARGETS)}")
    config = read_config(runs[0] / "config.json")
    structures = Structures(ReflectionStore.load(data), SymmetryTables.load(data))
    fraction = config.data.validation_fraction
    labelled = (
        structures.held_out(config.data.preset, patterns, fraction=fraction)
        if on is None
        else _foreign(on)
    )
    if len(labelled) < FEWEST:
        raise typer.BadParameter(
            f"{labelled.name}: {len(labelled)} patterns are too few to fit to; {FEWEST} at least"
        )
    outputs = _outputs(runs, labelled, None if on is None else background, console)
    group = torch.from_numpy(labelled.space_group - 1)
    system = torch.from_numpy(np.searchsorted(SYSTEM_LIMITS, labelled.space_group))
    kept, _ = structures.store.split(fraction)
    counts = GroupCounts.of(structures.store, kept)
    target: Target = prior  # type: ignore[assignment]
    shift = None
    if prior != "training":
        weight = config.data.theoretical_weight
        shift = prior_shift(counts, config.data.balance_power, target, weight)
    # Fitted on one half and reported on the other; what is written is fitted on all.
    first = torch.arange(len(group)) % 2 == 0
    half = _rows(outputs, first)
    trials = {
        "as trained": Calibration(group_share=1.0),
        "temperatures": fit_probabilities(half, system[first], group[first]),
        f"and prior: {prior}": fit_probabilities(
            half, system[first], group[first], shift, strength
        ),
    }
    rest = _rows(outputs, ~first)
    rows = {name: _quality(rest, system[~first], group[~first], c) for name, c in trials.items()}
    console.print(_table(rows, f"{labelled.name}, the half not fitted on"))
    final = fit_probabilities(outputs, system, group, shift, strength)
    record = {
        "fitted_on": labelled.name,
        "patterns": len(labelled),
        "members": [run.name for run in runs],
        "other_half": rows,
    }
    write_calibration(output, final, record)
    console.print(
        f"{output}: temperatures {final.system_temperature:.3f} (system) and "
        f"{final.group_temperature:.3f} (group), share of the group head {final.group_share:.1f}, "
        f"prior {final.prior} at strength {final.prior_strength:.2f}"
    )


def _foreign(path: Path) -> LabelledSet:
    """A labelled set that may be fitted on. Measured RRUFF patterns are for evaluation alone."""
    rows = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    named = any("rruff" in str(row.get("id", "")).lower() or "rruff_id" in row for row in rows)
    if named or "rruff" in path.name.lower():
        raise typer.BadParameter(
            f"--on {path.name}: RRUFF patterns are for evaluation only; fit on simulated ones"
        )
    return load_labelled(path)


def _outputs(
    runs: list[Path], labelled: LabelledSet, background: str | None, console: Console
) -> list[HeadOutputs]:
    """Of every member on every pattern, through the service's own grid."""
    networks = [
        load_average(run / "checkpoint.pt", build(read_config(run / "config.json").network))
        for run in runs
    ]
    parts: list[list[HeadOutputs]] = [[] for _ in networks]
    starts = range(0, len(labelled), SIZE)
    for i in track(starts, f"{len(networks)} networks on {labelled.name}", console=console):
        chosen = labelled.patterns[i : i + SIZE]
        grids = np.stack([to_grid(p, background=background).intensity for p in chosen])
        with torch.no_grad():
            for network, found in zip(networks, parts, strict=True):
                found.append(network(torch.from_numpy(grids)))
    return [HeadOutputs(*(torch.cat(c) for c in _columns(found))) for found in parts]


def _columns(found: list[HeadOutputs]) -> list[tuple[torch.Tensor, ...]]:
    """Logits, lattice and embedding: what every network gives."""
    return [(*column,) for column in zip(*(o[:4] for o in found), strict=True)]


def _rows(outputs: list[HeadOutputs], chosen: torch.Tensor) -> list[HeadOutputs]:
    return [HeadOutputs(*(value[chosen] for value in o[:4])) for o in outputs]


def _quality(
    outputs: list[HeadOutputs], system: torch.Tensor, group: torch.Tensor, calibration: Calibration
) -> dict[str, float]:
    """Accuracy, mean negative log-likelihood and calibration error of the members' mean."""
    sums = system_sums()
    pairs = [agreed_probabilities(*heads(o), sums, calibration) for o in outputs]
    found: dict[str, float] = {}
    for i, (name, true) in enumerate((("system", system), ("group", group))):
        mean = torch.stack([pair[i] for pair in pairs]).mean(dim=0)
        right = (mean.argmax(dim=1) == true).numpy()
        found[f"{name}_top1"] = round(float(right.mean()), 4)
        found[f"{name}_nll"] = round(F.nll_loss(mean.clamp_min(1e-9).log(), true).item(), 4)
        confidence = mean.amax(dim=1).numpy()
        found[f"{name}_ece"] = round(expected_calibration_error(confidence, right), 4)
    return found


def _table(rows: dict[str, dict[str, float]], title: str) -> Table:
    columns: dict[str, Any] = next(iter(rows.values()))
    table = Table("", *columns, title=title)
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.4f}" for value in row.values()))
    return table
