"""``keys new``: certificates with which 0MQ peers know each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError

keys = typer.Typer(name="keys", no_args_is_help=True, help="Keys for 0MQ connections (CURVE).")


@keys.callback()
def _group() -> None:
    """Makes `new` a command of its own also while it is the only one."""


@keys.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put them; made if new.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]…", help="Whose; if not given: service and client."),
    ] = None,
) -> None:
    """Make a pair of keys for each NAME: NAME.key may be given to anybody, NAME.key_secret to none.

    A folder of NAME.key files is a list of those admitted (?clients= of a URL that binds).
    """
    from zmq.auth import create_certificates

    wanted = names or ["service", "client"]
    for name in wanted:
        if not name or name != Path(name).name or name.startswith("."):
            raise ConfigurationError(f"{name!r}: a name is needed, not a path")
        for ending in (".key", ".key_secret"):
            if (folder / (name + ending)).exists():
                raise ConfigurationError(f"{folder / name}{ending} exists; it is not overwritten")
    before = os.umask(0o077)  # never readable by others, not even for a moment
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            public, secret = create_certificates(folder, name)
            Path(public).chmod(0o644)
            typer.echo(f"{public}\n{secret}  (keep it to yourself)")
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error}") from None
    finally:
        os.umask(before)
