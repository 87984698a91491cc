"""The commands of ``python -m training``."""

from __future__ import annotations

import typer

from ._ablate import ablate
from ._add_crystals import add_crystals
from ._build_engine import build_engine_command
from ._calibrate import calibrate
from ._causes import causes
from ._compare import compare
from ._curate import curate
from ._curve import curve
from ._disorder import disorder
from ._distill import distill
from ._ensemble import ensemble
from ._evaluate import evaluate
from ._explain import explain
from ._export import export
from ._match import match
from ._pack import pack
from ._parity import parity
from ._quantize import quantize
from ._reflections import reflections
from ._remember import remember_command
from ._rruff import rruff
from ._side_by_side import side_by_side_command
from ._similarity import similarity
from ._simulate import simulate
from ._split import split
from ._train import train
from ._triton import triton

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def _training() -> None:
    """Make the networks the service deploys."""


app.command()(curate)
app.command()(disorder)
app.command()(similarity)
app.command()(rruff)
app.command()(reflections)
app.command()(parity)
app.command()(simulate)
app.command()(pack)
app.command()(train)
app.command()(ensemble)
app.command()(distill)
app.command()(curve)
app.command("remember")(remember_command)
app.command()(match)
app.command()(evaluate)
app.command()(compare)
app.command("side-by-side")(side_by_side_command)
app.command()(causes)
app.command()(ablate)
app.command()(calibrate)
app.command()(explain)
app.command()(export)
app.command()(quantize)
app.command()(split)
app.command("add-crystals")(add_crystals)
app.command()(triton)
app.command("build-engine")(build_engine_command)

__all__ = ["app"]
