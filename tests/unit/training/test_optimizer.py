from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from training.networks import build
from training.trainer import OptimizerName, open_optimizer

RATE = 1e-3
TINY = {"kind": "compact", "points": 1024, "channels": [8, 8], "kernels": [3, 3], "depths": [1, 1]}


def _stepped(
    network: nn.Module, optimizer: OptimizerName, weight_decay: float = 0.0
) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Weight before, its gradient and how it moved, by name."""
    torch.manual_seed(1)
    moved = open_optimizer(optimizer, network, RATE, weight_decay)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    gradients = {name: torch.randn_like(weight) for name, weight in network.named_parameters()}
    for name, weight in network.named_parameters():
        weight.grad = gradients[name].clone()
    moved.step()
    after = dict(network.named_parameters())
    return {n: (w, gradients[n], after[n].detach() - w) for n, w in before.items()}


def _channels_last(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@pytest.mark.parametrize("laid_out", [_channels_last, lambda network: network])
def test_muon_moves_convolutions_along_the_nearest_orthogonal_matrix(
    laid_out: Callable[[nn.Module], nn.Module],
) -> None:
    steps = _stepped(laid_out(build(TINY)), "muon")
    weight, gradient, change = steps["stages.0.first.0.weight"]
    assert weight.shape == (8, 8, 1, 3)
    u, _, v = torch.linalg.svd(gradient.flatten(1), full_matrices=False)
    cosine = torch.cosine_similarity(change.flatten(), -(u @ v).flatten(), dim=0)
    assert cosine > 0.95
    # As large as a step of Adam's: 0.2 a component and unit of rate.
    assert change.square().mean().sqrt() == pytest.approx(0.2 * RATE, rel=0.3)


def test_what_is_no_convolution_between_layers_moves_as_by_adamw() -> None:
    torch.manual_seed(0)
    one = build(TINY)
    two = build(TINY)
    two.load_state_dict(one.state_dict())
    by_adam, by_both = _stepped(one, "adamw", 0.1), _stepped(two, "muon", 0.1)
    different = {n for n in by_adam if not torch.equal(by_adam[n][2], by_both[n][2])}
    assert different == {
        name
        for name, (weight, _, _) in by_adam.items()
        if name.startswith("stages.") and weight.ndim > 1
    }


def test_depthwise_convolutions_stay_with_adamw() -> None:
    network = build({"kind": "alphadiffract", "channels": 8, "class_widths": [16]})
    moved = open_optimizer("muon", network, RATE, 0.0)
    muon = [tuple(p.shape) for p in moved.param_groups[0]["params"]]
    assert muon == [(32, 8), (8, 32)] * 3
    adam = [p for group in moved.param_groups[1:] for p in group["params"]]
    assert sum(p.shape == (8, 1, 100) for p in adam) == 1


def test_norms_and_biases_are_not_decayed() -> None:
    network = build(TINY)
    for group in open_optimizer("muon", network, RATE, 0.1).param_groups:
        thin = {p.ndim <= 1 for p in group["params"]}
        assert thin == {group["weight_decay"] == 0}
