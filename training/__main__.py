"""Command line: ``python -m training COMMAND``; one file a command in `training/commands/`."""

from __future__ import annotations

from .commands import app

if __name__ == "__main__":
    app()
