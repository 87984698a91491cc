"""A matching network's folder: which runs it is made of, their memory, the lines and the judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..retrieval import MEMORY, Memory, Neighbours
from ._joint import JointNetwork
from ._judge import GROUPS, Judge, JudgeOptions
from ._lines import LINES, Lines
from ._network import WithMatching

MATCHING = "matching.json"
"""In the folder: runs, candidates, and the judge's numbers by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """What is kept beside the members' own folders."""

    memory: Memory
    lines: Lines
    judge: Judge
    candidates: int
    """Remembered crystals that are compared with a pattern."""
    pool: int
    """Those they are chosen from: the nearest by their keys."""


def save_matching(
    matching: Matching, members: Sequence[Path], folder: Path, record: dict[str, Any]
) -> None:
    """Write `folder`; `members` are run folders, `record` says how it was made."""
    folder.mkdir(parents=True, exist_ok=True)
    matching.memory.save(folder / MEMORY)
    matching.lines.save(folder / LINES)
    weights = {name: value.tolist() for name, value in matching.judge.state_dict().items()}
    values = {
        "members": [str(member.resolve()) for member in members],
        "candidates": matching.candidates,
        "pool": matching.pool,
        "record": record,
        "options": asdict(matching.judge.options),
        "judge": weights,
    }
    (folder / MATCHING).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def members_of(folder: Path) -> list[Path]:
    """Run folders of the networks in it. Raises FileNotFoundError where one has gone."""
    found = [Path(name) for name in _read(folder)["members"]]
    for member in found:
        if not member.is_dir():
            raise FileNotFoundError(f"{folder / MATCHING}: its member {member} is gone")
    return found


def load_matching(folder: Path, members: Sequence[nn.Module]) -> WithMatching:
    """The whole network of a folder, given its members' networks."""
    values = _read(folder)
    judge = Judge(JudgeOptions(**values["options"]))
    numbers = {name: torch.tensor(value) for name, value in values["judge"].items()}
    # Folders from before there were either.
    judge.load_state_dict({"bias": torch.zeros(GROUPS), **numbers})
    pool = values.get("pool", values["candidates"])
    memory, lines = Memory.load(folder / MEMORY), Lines.load(folder / LINES)
    neighbours = Neighbours(memory, pool)
    network = WithMatching(JointNetwork(members), neighbours, lines, judge, values["candidates"])
    return network.requires_grad_(False).eval()


def _read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MATCHING).read_text(encoding="utf-8"))
