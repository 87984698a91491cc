"""``python -m training evaluate``: a network on labelled patterns."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ..evaluation import (
    Assessment,
    Contender,
    LabelledSet,
    Preset,
    Prior,
    Structures,
    assess,
    find_seen,
    load_labelled,
    metrics_table,
    open_contender,
    prior_of_store,
    with_counterpart,
    with_overlap,
    write_report,
)
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import graph_distances


def evaluate(
    data: Annotated[
        list[Path],
        typer.Option(
            help="NAME.npz with NAME.json beside it, or a reflections file, of which held-out "
            "structures are drawn; repeat for several."
        ),
    ],
    network: Annotated[
        list[Path] | None,
        typer.Option(help="ONNX or folder of them; several are one ensemble. Default: shipped."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="[LABEL=]ONNX or folder: another network beside it; repeatable."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for report.md, figures and metrics.json.")
    ] = None,
    structures: Annotated[
        Path | None,
        typer.Option(
            help="Reflections file trained on: naive answers are from it, and seen phases found."
        ),
    ] = None,
    subgroups: Annotated[
        Path | None,
        typer.Option(help="maxsub_edges.json; found beside the data or in a pack by default."),
    ] = None,
    background: Annotated[
        list[str] | None,
        typer.Option(help="Background removal for measured patterns, e.g. arpls, or SET=arpls."),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="How held-out structures are drawn: measured, paper, or both.")
    ] = "measured",
    patterns: Annotated[int, typer.Option(help="Patterns of held-out structures.")] = 2048,
    draws: Annotated[
        int, typer.Option(help="Patterns of each held-out structure (equations 8–10; paper: 100).")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Accuracy, calibration and lattice errors over every pattern of each data set."""
    console = Console(stderr=as_json)
    contender = open_contender(network or [])
    others = [_labelled_contender(text) for text in against or []]
    reference = _open(structures or next((path for path in data if _is_structures(path)), None))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        sets = _Sets(progress, contender.held_out_fraction, reference, _presets(preset))
        labelled = [one for path in data for one in sets.load(path, patterns, draws)]
        distances = _distances(subgroups, data, reference)
        prior = _prior(reference, contender.held_out_fraction)
        removal = _Background.parse(background or [], [one.name for one in labelled])
        main: list[Assessment] = []
        beside: list[Assessment] = []
        for one in labelled:
            for found, networks in ((main, [contender]), (beside, others)):
                for candidate in networks:
                    task = progress.add_task(f"{candidate.label} on {one.name}", total=len(one))
                    found.append(
                        assess(
                            candidate,
                            one,
                            background=removal.of(one.name),
                            distances=distances,
                            prior=prior,
                            progress=lambda n, task=task: progress.advance(task, n),
                        )
                    )
        if reference is not None:
            main = [_beside_structures(a, contender, reference, distances) for a in main]
    for a in (*main, *beside):
        console.print(metrics_table(a.metrics, f"{a.network} on {a.labelled.name}"))
    if output is not None:
        report = write_report(output, contender, main, beside, typed_command())
        console.print(f"{report} written, with its figures and metrics.json")
    if as_json:
        results = {a.labelled.name: a.as_dict() for a in main}
        typer.echo(json.dumps(results, indent=1))


@dataclass(frozen=True)
class _Sets:
    progress: Progress
    fraction: float
    reference: Structures | None
    presets: tuple[Preset, ...]

    def load(self, path: Path, patterns: int, draws: int) -> list[LabelledSet]:
        if not _is_structures(path):
            return [load_labelled(path)]
        source = self.reference if self.reference is not None else _open(path)
        if source is None:
            raise FileNotFoundError(path)
        task = self.progress.add_task("drawing", total=patterns * len(self.presets))
        return [
            source.held_out(
                preset, patterns, draws, self.fraction, lambda n: self.progress.advance(task, n)
            )
            for preset in self.presets
        ]


@dataclass(frozen=True)
class _Background:
    everywhere: str | None
    named: dict[str, str]

    @classmethod
    def parse(cls, values: list[str], names: list[str]) -> _Background:
        everywhere, named = None, {}
        for value in values:
            name, equals, method = value.rpartition("=")
            if equals and name not in names:
                raise typer.BadParameter(f"{value}: no data set {name!r}; there is {names}")
            if equals:
                named[name] = method
            else:
                everywhere = method
        return cls(everywhere, named)

    def of(self, name: str) -> str | None:
        return self.named.get(name, self.everywhere)


def _beside_structures(
    assessment: Assessment,
    contender: Contender,
    reference: Structures,
    distances: NDArray[np.floating] | None,
) -> Assessment:
    """Seen phases, and the same crystals simulated; held-out sets have neither by construction."""
    if assessment.labelled.simulated:
        return assessment
    overlap = find_seen(assessment.labelled, reference.store)
    assessment = with_overlap(assessment, overlap, distances)
    matched = overlap.match[overlap.match >= 0]
    if not matched.size:
        return assessment
    drawn = reference.drawn(matched, "paper", f"{assessment.labelled.name}, simulated")
    return with_counterpart(assessment, contender, drawn, distances)


def _labelled_contender(text: str) -> Contender:
    label, _, path = text.rpartition("=")
    return open_contender([Path(path)], label)


def _presets(text: str) -> tuple[Preset, ...]:
    if text == "both":
        return "paper", "measured"
    if text == "paper" or text == "measured":
        return (text,)
    raise typer.BadParameter(f"--preset {text}: one of measured, paper, both")


def _is_structures(path: Path) -> bool:
    if not path.is_file():
        raise typer.BadParameter(f"--data {path}: no such file")
    with np.load(path) as arrays:
        return "strongest" in arrays or "strength" in arrays


def _open(path: Path | None) -> Structures | None:
    if path is None:
        return None
    return Structures(ReflectionStore.load(path), SymmetryTables.load(path))


def _prior(reference: Structures | None, fraction: float) -> Prior | None:
    if reference is None:
        return None
    kept, _ = reference.store.split(fraction)
    return prior_of_store(reference.store, kept)


def _distances(
    subgroups: Path | None, data: list[Path], reference: Structures | None
) -> NDArray[np.floating] | None:
    """Hops: from the edges given or found beside a data set, else a pack's own."""
    found = [path.resolve().parents[1] / "spacegroups" / "maxsub_edges.json" for path in data]
    edges = subgroups or next((path for path in found if path.is_file()), None)
    if edges is not None:
        return graph_distances(edges)
    own = reference.symmetry.distances if reference is not None else None
    return None if own is None else own.astype(np.float32)


def typed_command() -> str:
    """As typed, without the folders of one person's machine."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python -m training", *words])
