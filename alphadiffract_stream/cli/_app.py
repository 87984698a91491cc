"""The commands put together, and how errors are told."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import AlphaDiffractError
from ..telemetry import redact
from ._bench import bench
from ._dashboard import dashboard
from ._demo import demo
from ._doctor import doctor
from ._keys import keys
from ._predict import predict
from ._replay import replay
from ._serve import serve
from ._status import status


class InWords(TyperGroup):
    """Errors made on purpose are one sentence on stderr and exit status 1, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AlphaDiffractError as error:
            typer.secho(f"error: {redact(str(error))}", err=True, fg=typer.colors.RED)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="alphadiffract-stream",
    cls=InWords,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"alphadiffract-stream {version('alphadiffract-stream')}")
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Live crystal system, space group and lattice from powder diffraction."""


for command in (demo, serve, dashboard, status, predict, replay, doctor, bench):
    app.command()(command)
app.add_typer(keys)
