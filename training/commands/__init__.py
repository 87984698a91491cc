"""The commands of ``python -m training``."""

from __future__ import annotations

import typer

from ._curate import curate
from ._evaluate import evaluate
from ._export import export
from ._pack import pack
from ._reflections import reflections
from ._train import train

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def _training() -> None:
    """Make the networks the service deploys."""


app.command()(curate)
app.command()(reflections)
app.command()(pack)
app.command()(train)
app.command()(evaluate)
app.command()(export)

__all__ = ["app"]
