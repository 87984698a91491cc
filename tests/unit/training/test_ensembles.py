"""Members one after another and as one wide network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.ensembles import FusedMembers, Members, mean_outputs
from training.ensembles._stack import stacked
from training.networks import Network, build

HEADS = {"lattice": "reciprocal", "experts": True, "sigma": True, "conditioned": True}
PAPER = {
    "kind": "alphadiffract",
    "channels": 6,
    "class_widths": (20, 12),
    "lattice_widths": (10, 8),
}
COMPACT = {
    "kind": "compact",
    "points": 1024,
    "channels": (8, 12),
    "kernels": (3, 3),
    "depths": (1, 1),
    "features": 16,
}


def members(config: dict, count: int = 3) -> list[Network]:
    """Networks whose batch norms have seen something."""
    torch.manual_seed(5)
    networks = [build(config).eval() for _ in range(count)]
    for module in (m for n in networks for m in n.modules()):
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return networks


@pytest.mark.parametrize("heads", [{}, HEADS], ids=["plain", "all choices"])
@pytest.mark.parametrize("config", [PAPER, COMPACT], ids=["paper", "compact"])
def test_a_fused_ensemble_equals_its_members(config: dict, heads: dict) -> None:
    networks = members({**config, "heads": heads})
    pattern = 1e6 * torch.rand(5, 8192)  # counts that half precision could not hold
    with torch.no_grad():
        each, fused = Members(networks)(pattern), FusedMembers(networks)(pattern)
    for name in ("crystal_system", "space_group"):
        left, right = (getattr(o, name).softmax(dim=-1) for o in (each, fused))
        assert left.shape[:2] == (3, 5)
        assert (left - right).abs().max() < 1e-5
        assert (left[0] - left[1]).abs().max() > 1e-3  # members do differ
    torch.testing.assert_close(fused.lattice, each.lattice, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(fused.embedding, each.embedding, rtol=1e-4, atol=1e-4)
    assert (fused.lattice_std is None) == (not heads)
    if each.lattice_std is not None and fused.lattice_std is not None:
        torch.testing.assert_close(fused.lattice_std, each.lattice_std, rtol=1e-4, atol=1e-3)


def test_fusing_leaves_members_as_they_were() -> None:
    networks = members(COMPACT)
    before = [{k: v.clone() for k, v in n.state_dict().items()} for n in networks]
    FusedMembers(networks)
    for network, held in zip(networks, before, strict=True):
        for name, value in network.state_dict().items():
            torch.testing.assert_close(value, held[name], msg=name)


def test_one_member_is_an_ensemble() -> None:
    (network,) = members(PAPER, 1)
    pattern = torch.rand(2, 8192)
    with torch.no_grad():
        torch.testing.assert_close(
            FusedMembers([network])(pattern).space_group[0], network(pattern).space_group
        )


def test_members_that_differ_are_not_fused() -> None:
    other = members({**COMPACT, "features": 24}, 1)
    with pytest.raises(ValueError, match="differ in architecture"):
        FusedMembers([*members(COMPACT, 1), *other])
    with pytest.raises(ValueError, match="embeddings differ"):
        Members([*members(COMPACT, 1), *other])(torch.rand(1, 8192))
    mixed = [*members(COMPACT, 1), *members({**COMPACT, "heads": {"sigma": True}}, 1)]
    with pytest.raises(ValueError, match="σ of the lattice"):
        Members(mixed)(torch.rand(1, 8192))
    for kind in (Members, FusedMembers):
        with pytest.raises(ValueError, match="at least one member"):
            kind([])


def test_layers_nobody_can_widen_are_named() -> None:
    with pytest.raises(TypeError, match="GRU cannot be fused"):
        stacked([nn.Sequential(nn.GRU(2, 2)) for _ in range(2)])


def test_means_are_over_members() -> None:
    outputs = Members(members(PAPER))(torch.rand(2, 8192))
    system, group, lattice = mean_outputs(outputs)
    torch.testing.assert_close(system.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(group, outputs.space_group.softmax(dim=2).mean(dim=0))
    torch.testing.assert_close(lattice, outputs.lattice.mean(dim=0))
