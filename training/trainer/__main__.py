"""``python -m training.trainer CONFIG --output FOLDER``: training with torch and numpy alone.

The same as ``python -m training train``, without what that needs besides; for machines where only
the two are installed. Under torchrun: ``torchrun --nproc-per-node N -m training.trainer …``.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ._config import read_config
from ._pieces import write_pieces
from ._train import SAVED_EVERY, train


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and train."""
    options = _parser().parse_args(arguments)
    config = read_config(options.config).on_data(options.data, options.subgroups)
    if options.compile:
        config = replace(config, compile=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "config.json").write_text(
        json.dumps(config.as_json(), indent=1), encoding="utf-8"
    )
    state = train(
        config,
        options.output,
        max_seconds=options.max_seconds,
        max_steps=options.max_steps,
        finish=options.finish,
        finish_seconds=options.finish_seconds,
        start_from=options.start_from,
        saved_every=options.save_every,
        report=_show,
    )
    if options.pieces:
        for path in write_pieces(state, config, options.pieces):
            print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.trainer", description=main.__doc__)
    parser.add_argument("config", type=Path, help="TOML file, or the config.json of a run")
    parser.add_argument(
        "--output", type=Path, required=True, help="run folder; resumed if it exists"
    )
    parser.add_argument("--data", type=Path, help="overrides data.reflections")
    parser.add_argument("--subgroups", type=Path, help="overrides data.subgroups")
    parser.add_argument("--max-seconds", type=float, default=float("inf"), help="stop after")
    parser.add_argument("--max-steps", type=int, help="stop at this step")
    parser.add_argument("--finish", action="store_true", help="run the final decay and end")
    parser.add_argument(
        "--finish-seconds", type=float, default=0.0, help="decay over the last so many seconds"
    )
    parser.add_argument(
        "--save-every", type=float, default=SAVED_EVERY, help="seconds between checkpoints"
    )
    parser.add_argument("--start-from", type=Path, help="checkpoint whose weights to begin with")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network")
    parser.add_argument("--pieces", type=Path, help="folder for the weights in half precision")
    return parser


def _show(row: dict[str, Any]) -> None:
    print("  ".join(f"{k} {v}" for k, v in row.items()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
