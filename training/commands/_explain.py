"""``python -m training explain``: what in a pattern a network's answer rests on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from alphadiffract_stream.crystal import CRYSTAL_SYSTEMS, space_group_number
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern, wavelength_from_energy
from alphadiffract_stream.sources import read_pattern

from ..evaluation import figures
from ..explanation import (
    Attention,
    Peak,
    explanation_figure,
    grad_cam,
    peaks_that_mattered,
    reflection_ticks,
)
from ..networks import build
from ..trainer import load_average, read_config


def explain(
    run: Annotated[Path, typer.Argument(help="Run folder: config.json and checkpoint.pt.")],
    pattern: Annotated[Path, typer.Argument(help="Pattern file, as `predict` reads them.")],
    output: Annotated[Path, typer.Option(help="PNG to write; the peaks go beside it as JSON.")],
    energy: Annotated[float | None, typer.Option(help="Photon energy, keV.")] = None,
    wavelength: Annotated[float | None, typer.Option(help="Wavelength, Å.")] = None,
    background: Annotated[str | None, typer.Option(help="Background removal, e.g. snip.")] = None,
    system: Annotated[
        str | None, typer.Option(help="Crystal system to explain; the predicted one by default.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Space group to explain, symbol or number.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Module to weigh; the last block by default.")
    ] = None,
) -> None:
    """GradCAM of the crystal system and of the space group over one pattern."""
    console = Console(stderr=True)
    if system is not None and system not in CRYSTAL_SYSTEMS:
        raise typer.BadParameter(f"--system {system}: one of {', '.join(CRYSTAL_SYSTEMS)}")
    grid = to_grid(_read(pattern, energy, wavelength), background=background).intensity
    network = load_average(run / "checkpoint.pt", build(read_config(run / "config.json").network))
    chosen = None if system is None else CRYSTAL_SYSTEMS.index(system)
    number = None if group is None else space_group_number(group) - 1
    attentions = [
        grad_cam(network, grid, "crystal_system", chosen, layer),
        grad_cam(network, grid, "space_group", number, layer),
    ]
    ticks = reflection_ticks(attentions[1].lattice, attentions[1].index + 1)
    title = f"{pattern.name}:"
    figures.save(explanation_figure(grid, attentions, ticks, title), output)
    told: dict[str, Any] = {}
    for attention in attentions:
        peaks = peaks_that_mattered(grid, attention.heat)
        told[attention.head] = {
            "class": attention.index + (attention.head == "space_group"),
            "probability": attention.probability,
            "peaks": [asdict(peak) for peak in peaks],
        }
        console.print(_table(attention, peaks))
    output.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    console.print(f"{output} and {output.with_suffix('.json').name} written")


def _read(path: Path, energy: float | None, wavelength: float | None) -> Pattern:
    if energy is not None and wavelength is not None:
        raise typer.BadParameter("give --energy (keV) or --wavelength (Å), not both")
    if energy is not None:
        wavelength = wavelength_from_energy(energy)
    return read_pattern(path, wavelength=wavelength)


def _table(attention: Attention, peaks: list[Peak]) -> Table:
    name = (
        CRYSTAL_SYSTEMS[attention.index]
        if attention.head == "crystal_system"
        else f"space group {attention.index + 1}"
    )
    title = f"what spoke for {name} ({attention.probability:.0%})"
    table = Table("2θ at 20 keV / °", "d / Å", "intensity", "attention", title=title)
    for peak in peaks:
        table.add_row(
            f"{peak.two_theta:.3f}", f"{peak.d:.4f}", f"{peak.intensity:.2f}", f"{peak.heat:.2f}"
        )
    return table
