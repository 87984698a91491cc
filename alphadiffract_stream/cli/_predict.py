"""``predict``: the patterns in files, now."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._options import Background, Energy, EngineUrl, Json, Wavelength, wavelength_of

if TYPE_CHECKING:
    from ..integration import Integrator
    from ..pattern import Pattern
    from ..prediction import Prediction

SOME_REFUSED = 2
"""Exit status where a pattern was refused or failed."""


def predict(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Patterns.")],
    energy: Energy = None,
    wavelength: Wavelength = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="Of the radial axis: 2th_deg, q_A^-1, d_A …"),
    ] = None,
    poni: Annotated[
        Path | None,
        typer.Option("--poni", metavar="FILE", help="Calibration, to integrate detector frames."),
    ] = None,
    pixel_mask: Annotated[
        Path | None,
        typer.Option("--pixel-mask", metavar="FILE", help="Bad pixels are not 0 in this image."),
    ] = None,
    background: Background = None,
    as_json: Json = False,
    engine: EngineUrl = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw patterns and answers: .png, .svg, .pdf."),
    ] = None,
) -> None:
    """Crystal system, space group and lattice of the patterns in FILE…

    Detector frames (.cbf, .edf, .tif, HDF5) are integrated with --poni. --energy, --wavelength and
    --unit go before what the files say. Exit status: 0 if every pattern was predicted, 2 if some
    were not, 1 if nothing could start.
    """
    from ..engines import open_engine
    from ..grid import check_background
    from ..service import predict_each
    from ..sources import frame_integrator

    override = wavelength_of(energy, wavelength)
    check_background(background)
    _check_unit(unit)
    if plot is not None:
        from ..dashboard import check_plot

        check_plot(plot)
    integrator = frame_integrator(poni, pixel_mask=pixel_mask)
    opened = open_engine(engine or "onnx:")
    drawing = _Drawing(plot)
    patterns = drawing.keeping(_patterns(files, override, unit, integrator))
    predictions = drawing.pairing(predict_each(patterns, opened, background=background))
    show = _show_json if as_json else _show_table
    every = show(predictions)
    drawing.finish()
    if not every:
        raise typer.Exit(SOME_REFUSED)


class _Drawing:
    """Keeps the first patterns and their predictions, both in the files' order, for a plot."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._patterns: list[Pattern | None] = []
        self._predictions: list[Prediction] = []
        self._left = 0

    def keeping(self, items: Iterator[Pattern | Prediction]) -> Iterator[Pattern | Prediction]:
        if self._path is None:
            yield from items
            return
        from ..dashboard import MOST_PLOTTED
        from ..pattern import Pattern

        for item in items:
            if len(self._patterns) < MOST_PLOTTED:
                self._patterns.append(item if isinstance(item, Pattern) else None)
            yield item

    def pairing(self, predictions: Iterator[Prediction]) -> Iterator[Prediction]:
        for prediction in predictions:
            if self._path is None:
                pass
            elif len(self._predictions) < len(self._patterns):
                self._predictions.append(prediction)
            else:
                self._left += 1
            yield prediction

    def finish(self) -> None:
        if self._path is None:
            return
        from ..dashboard import plot_predictions

        pairs = list(zip(self._patterns, self._predictions, strict=False))
        plot_predictions(pairs, self._path)
        if self._left:
            typer.secho(f"{self._path}: {self._left} more patterns are not drawn", err=True)


def _check_unit(unit: str | None) -> None:
    from ..errors import ConfigurationError
    from ..pattern import RadialUnit

    if unit is not None and unit not in list(RadialUnit):
        raise ConfigurationError(f"--unit {unit}: use one of {', '.join(RadialUnit)}")


def _patterns(
    files: list[Path], wavelength: float | None, unit: str | None, integrator: Integrator | None
) -> Iterator[Pattern | Prediction]:
    """Patterns in the files, and refusals in the place of what cannot be read."""
    from rich.console import Console
    from rich.progress import track

    from ..errors import PatternError
    from ..pattern import Origin
    from ..prediction import refusal
    from ..sources import Hdf5Reader, read_results

    console = Console(stderr=True)
    quiet = len(files) < 20 or not console.is_terminal
    with closing(Hdf5Reader()) as hdf5:
        for file in track(files, "reading", console=console, transient=True, disable=quiet):
            origin = Origin("file", str(file))
            said = {"wavelength": wavelength, "unit": unit, "hdf5": hdf5, "integrator": integrator}
            try:
                for found in read_results(file, **said):
                    yield refusal(origin, found) if isinstance(found, PatternError) else found
            except PatternError as error:
                yield refusal(origin, error)


def _show_json(predictions: Iterator[Prediction]) -> bool:
    """A JSON array, written as it is made, so that a million files need no memory."""
    import orjson

    from ..prediction import as_record

    every = True
    separator = b"[\n"
    for prediction in predictions:
        every = every and prediction.status.predicted
        sys.stdout.write((separator + orjson.dumps(as_record(prediction))).decode())
        separator = b",\n"
    sys.stdout.write("\n]\n" if separator == b",\n" else "[]\n")
    return every


def _show_table(predictions: Iterator[Prediction]) -> bool:
    from rich.console import Console

    from ._table import show

    rows = list(predictions)
    show(rows, Console())
    return all(prediction.status.predicted for prediction in rows)
