"""What moves the weights: AdamW, or Muon for the convolutions and AdamW for the rest.

Muon (Jordan et al. 2024; here PyTorch's, with the step sizes of Liu et al. 2025, arXiv 2502.16982)
replaces a matrix's momentum by the nearest orthogonal matrix, so that every direction of it learns.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

OptimizerName = Literal["adamw", "muon"]


def open_optimizer(
    name: OptimizerName, network: nn.Module, rate: float, weight_decay: float
) -> torch.optim.Optimizer | Both:
    """For all of `network`; norms and biases are not decayed.

    ``muon`` takes the matrices of `network.stages` (convolutions as outputs × everything else,
    not depthwise ones): first and last layers are better left to AdamW, as its author says.
    """
    hidden = _matrices(network.get_submodule("stages")) if name == "muon" else []
    taken = {id(weight) for weight in hidden}
    others = [p for p in network.parameters() if id(p) not in taken]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=rate, fused=True)
    return Both(hidden, adam, rate, weight_decay) if hidden else adam


class Both:
    """Muon for the matrices `hidden` and `adam` for the others, stepped as one."""

    def __init__(
        self, hidden: list[Tensor], adam: torch.optim.Optimizer, rate: float, weight_decay: float
    ) -> None:
        self._hidden, self._adam = hidden, adam
        self._matrices = [_as_matrix(weight.detach(), weight) for weight in hidden]
        self._muon = torch.optim.Muon(
            self._matrices, lr=rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of either: what the learning rate is set in."""
        return self._muon.param_groups + self._adam.param_groups

    def step(self) -> None:
        """Both, by the gradients of the weights."""
        for matrix, weight in zip(self._matrices, self._hidden, strict=True):
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)
        self._muon.step()
        self._adam.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for weight in self._hidden:
            weight.grad = None
        self._muon.zero_grad(set_to_none)
        self._adam.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Of either."""
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])


def _matrices(body: nn.Module) -> list[Tensor]:
    """Weights of its linear layers and of its convolutions that mix channels."""
    return [
        module.weight
        for module in body.modules()
        if isinstance(module, nn.Linear)
        or (isinstance(module, nn.Conv1d | nn.Conv2d) and module.groups == 1)
    ]


def _as_matrix(value: Tensor, weight: Tensor) -> Tensor:
    """(O, I, …) → (O, everything else), in the order in which `weight` lies in memory."""
    return (value if weight.is_contiguous() else value.movedim(1, -1)).flatten(1)
