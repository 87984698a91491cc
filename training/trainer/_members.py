"""Networks of finished runs, by their folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..matching import MATCHING, WithMatching, load_matching, members_of
from ..networks import Network, build
from ..retrieval import WithMemory, with_memory
from ._checkpoint import CHECKPOINT, load_average, read_tensors
from ._config import read_config

ENSEMBLE = "ensemble.json"
"""In a folder of several runs: which they are."""


def member_folders(folders: Sequence[Path]) -> list[Path]:
    """Run folders, and those of ensembles among them spelled out.

    Raises FileNotFoundError where a folder is neither.
    """
    found: list[Path] = []
    for folder in folders:
        if (folder / ENSEMBLE).is_file():
            rows = json.loads((folder / ENSEMBLE).read_text(encoding="utf-8"))["members"]
            found += member_folders([folder / row["folder"] for row in rows])
        elif _is_run(folder):
            found.append(folder)
        else:
            raise FileNotFoundError(
                f"{folder}: neither a run ({CHECKPOINT} and config.json) nor an ensemble"
            )
    return found


def _is_run(folder: Path) -> bool:
    """A trained network, or several with a common memory (`training match`)."""
    networks = (folder / CHECKPOINT, folder / MATCHING)
    return (folder / "config.json").is_file() and any(path.is_file() for path in networks)


def checkpoint_progress(folder: Path) -> tuple[int, float, bool]:
    """Steps, seconds, and whether the final decay has begun; zeros where nothing is yet."""
    if not (folder / CHECKPOINT).is_file():
        return 0, 0.0, False
    saved = read_tensors(folder / CHECKPOINT)
    return saved["step"], saved.get("seconds", 0.0), saved.get("finish_from") is not None


def open_network(folder: Path) -> Network:
    """The averaged network of a run's folder alone, on the CPU, ready for use."""
    network = build(read_config(folder / "config.json").network)
    load_average(folder / CHECKPOINT, network)
    return network.eval()


def open_members(folders: Sequence[Path]) -> list[Network | WithMemory | WithMatching]:
    """The averaged networks of run folders, each with its memory where it has one."""
    return [_open_member(folder) for folder in folders]


def _open_member(folder: Path) -> Network | WithMemory | WithMatching:
    if (folder / MATCHING).is_file():
        return load_matching(folder, [open_network(member) for member in members_of(folder)])
    return with_memory(open_network(folder), folder)
