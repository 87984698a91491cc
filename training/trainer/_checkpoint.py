"""Checkpoints: everything needed to go on as if nothing had happened."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ._log import Means
from ._optimizer import Both

CHECKPOINT = "checkpoint.pt"
FRESH = ("heads.key.weight",)
"""May be missing where a run starts from other weights: begins anew then."""
BEFORE_FINISH = "before_finish.pt"
"""The state a final decay by time began from: what a longer run goes on from."""


@dataclass(slots=True, eq=False)
class TrainingState:
    """The moving parts of a run."""

    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer | Both
    step: int = 0
    finish_from: int | None = None
    """Step at which the final decay began."""
    seconds: float = 0.0
    """Spent training, all calls together, up to the last checkpoint."""
    means: Means = field(default_factory=Means)
    """Of the losses since the last row of the log."""
    keys: Tensor | None = None
    """(M, K) of the known crystals, where the run looks patterns up."""
    _pairs: tuple[list[Tensor], list[Tensor]] | None = field(default=None, repr=False)

    def update_average(self, decay: float) -> None:
        """Exponential moving average of weights and of batch-norm statistics."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            averages, own = self._floating_pairs()
            torch._foreach_lerp_(averages, own, 1 - decay)  # pyright: ignore

    def _floating_pairs(self) -> tuple[list[Tensor], list[Tensor]]:
        """Same storages for the whole run, so they are looked up once; without counters."""
        if self._pairs is None:
            own, average = self.network.state_dict(), self.average.state_dict()
            names = [name for name, value in average.items() if value.dtype.is_floating_point]
            self._pairs = [average[n] for n in names], [own[n] for n in names]
        return self._pairs

    def save(self, path: Path) -> None:
        """Write atomically: a run killed while saving keeps its previous checkpoint."""
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "finish_from": self.finish_from,
                "seconds": self.seconds,
                "means": self.means.saved(),
                "random": torch.get_rng_state(),
                "random_cuda": _cuda_state(),
                "keys": self.keys,
            },
            part,
        )
        # On the disk before it has the name: else a machine that fails may keep the name alone.
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)

    def load(self, path: Path) -> None:
        """Take up what `save` wrote. Tensors only: nothing in the file is executed."""
        saved = read_tensors(path)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.finish_from = saved["step"], saved["finish_from"]
        self.seconds = saved.get("seconds", 0.0)
        if "means" in saved:
            self.means.load(saved["means"], next(self.network.parameters()).device)
        if self.keys is not None and saved.get("keys") is not None:
            self.keys.copy_(saved["keys"])
        torch.set_rng_state(saved["random"])
        if saved.get("random_cuda") is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(saved["random_cuda"])

    def start_from(self, path: Path) -> None:
        """Weights alone, of another run or of pieces: the averaged ones, with a fresh optimizer."""
        saved, own = read_tensors(path)["average"], self.network.state_dict()
        different = sorted((set(own) - set(FRESH)) ^ (set(saved) - set(FRESH)))
        if different:
            raise ValueError(f"{path}: of another network; they differ in {different[0]}")
        self.network.load_state_dict({**own, **saved})
        self.network.train()
        self.average.load_state_dict(self.network.state_dict())


def averaged_copy(network: nn.Module) -> nn.Module:
    """The network whose weights will be the running average."""
    copied = copy.deepcopy(network).eval()
    return copied.requires_grad_(False)


def load_average(path: Path, network: nn.Module) -> nn.Module:
    """`network` with the averaged weights of a checkpoint (or a half of one), ready for use."""
    network.load_state_dict(read_tensors(path)["average"])
    return network.eval()


def read_tensors(path: Path) -> dict[str, Any]:
    """A checkpoint on the CPU. Raises FileNotFoundError naming it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no checkpoint")
    return torch.load(path, map_location="cpu", weights_only=True)


def _cuda_state() -> Tensor | None:
    return torch.cuda.get_rng_state() if torch.cuda.is_available() else None
