"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from ..pattern import HC_KEV_ANGSTROM

Energy = Annotated[
    float | None, typer.Option("--energy", metavar="KEV", help="Photon energy, keV.")
]
Wavelength = Annotated[
    float | None, typer.Option("--wavelength", metavar="Å", help="Wavelength, Å.")
]
Background = Annotated[
    str | None,
    typer.Option("--background", metavar="METHOD", help="Remove the background, e.g. with snip."),
]
EngineUrl = Annotated[
    str | None,
    typer.Option("--engine", metavar="URL", help="onnx: is the embedded model, onnx:PATH another."),
]
Fallback = Annotated[
    str | None,
    typer.Option(
        "--fallback", metavar="URL", help="Answers while the engine is out of order: onnx:default."
    ),
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML.")]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="URL", help="Where patterns come from; may be repeated."),
]
Sinks = Annotated[
    list[str] | None,
    typer.Option("--sink", metavar="URL", help="Where predictions go; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for scripts.")]


def wavelength_of(energy: float | None, wavelength: float | None) -> float | None:
    """Å from what the operator gave; None where that is neither. Raises ConfigurationError."""
    if energy is not None and wavelength is not None:
        raise ConfigurationError("give --energy or --wavelength, not both")
    for name, value in (("--energy", energy), ("--wavelength", wavelength)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigurationError(f"{name} {value}: give a positive number")
    return HC_KEV_ANGSTROM / energy if energy else wavelength
