"""Checkpoints: everything needed to go on as if nothing had happened."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn


@dataclass(slots=True, eq=False)
class TrainingState:
    """The moving parts of a run."""

    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    finish_from: int | None = None
    """Step at which the final decay began."""

    def update_average(self, decay: float) -> None:
        """Exponential moving average of weights and of batch-norm statistics."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            own = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(own[name], 1 - decay)
                else:
                    value.copy_(own[name])

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
                "random": torch.get_rng_state(),
            },
            part,
        )
        part.replace(path)

    def load(self, path: Path) -> None:
        """Take up what `save` wrote. Tensors only: nothing in the file is executed."""
        saved = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.finish_from = saved["step"], saved["finish_from"]
        torch.set_rng_state(saved["random"])


def averaged_copy(network: nn.Module) -> nn.Module:
    """The network whose weights will be the running average."""
    copied = copy.deepcopy(network).eval()
    return copied.requires_grad_(False)


def load_average(path: Path, network: nn.Module) -> nn.Module:
    """`network` with the averaged weights of a checkpoint, ready for use."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(saved["average"])
    return network.eval()
