"""An ensemble's answers as targets: soft classes, and the lattice its members agree on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..ensembles import Members, mean_outputs
from ..networks import HeadOutputs
from ._config import DistillConfig, LossConfig
from ._losses import lattice_loss
from ._members import member_folders, open_members


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the teachers say to a batch."""

    crystal_system: Tensor
    """(B, 7) mean probabilities."""
    space_group: Tensor
    """(B, 230)."""
    lattice: Tensor
    """(B, 6) mean, Å and degrees."""


class Teacher:
    """The members of an ensemble, asked for their mean."""

    def __init__(self, members: nn.Module) -> None:
        self._members = members.eval().requires_grad_(False)

    @classmethod
    def open(cls, config: DistillConfig, device: torch.device) -> Teacher:
        """Raises ValueError when no teacher is named, FileNotFoundError when one is missing."""
        if not config.teachers:
            raise ValueError("distill.teachers: none; name run folders (--teacher)")
        members = Members(open_members(member_folders(config.teachers)))
        members.to(device=device)
        return cls(members)

    def answers(self, pattern: Tensor) -> Lesson:
        """(B, 8192) → the ensemble's means."""
        with torch.no_grad():
            return Lesson(*(v.float() for v in mean_outputs(self._members(pattern))))


def distilled(
    losses: dict[str, Tensor],
    outputs: HeadOutputs,
    lesson: Lesson,
    config: DistillConfig,
    loss: LossConfig,
) -> dict[str, Tensor]:
    """`losses` of the labels with the teachers' share; ``total`` is their weighted sum.

    Divergences are scaled with the temperature squared, so that their slopes keep their size. The
    lattice follows the teachers' mean by its plain loss: a σ is learnt from labels alone.
    """
    soft = config.temperature**2 * (
        divergence(outputs.crystal_system, lesson.crystal_system, config.temperature)
        + divergence(outputs.space_group, lesson.space_group, config.temperature)
    )
    kind = "paper" if loss.lattice == "paper" else "log"
    cell = lattice_loss(outputs, lesson.lattice, kind)
    taught = soft + loss.lattice_weight * cell
    total = (1 - config.weight) * losses["total"] + config.weight * taught
    return {**losses, "total": total, "soft": soft, "taught_lattice": cell}


def divergence(logits: Tensor, target: Tensor, temperature: float = 1.0) -> Tensor:
    """Mean KL(target ‖ softmax(logits)) of (B, K), both softened by `temperature`."""
    softened = (target.clamp_min(1e-9).log() / temperature).log_softmax(dim=1)
    own = (logits / temperature).log_softmax(dim=1)
    return F.kl_div(own, softened, reduction="batchmean", log_target=True)
