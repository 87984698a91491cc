from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.networks import AlphaDiffract, build
from training.networks._drop_path import drop_path
from training.trainer import read_config

CONFIGS = Path(__file__).resolve().parents[3] / "training" / "configs"
HALF_PRECISION_MIB = 16.0


def test_the_papers_network_has_its_size() -> None:
    network = AlphaDiffract()
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == 8_735_469
    backbone = [p for n, p in network.named_parameters() if n.startswith("st")]
    assert sum(p.numel() for p in backbone) == 169_520 + 160


def test_the_papers_network_answers_within_its_bounds() -> None:
    torch.manual_seed(0)
    network = AlphaDiffract().eval()
    pattern = torch.rand(2, 8192)
    with torch.no_grad():
        outputs = network(pattern)
        again = network(1000 * pattern)
    assert outputs.crystal_system.shape == (2, 7)
    assert outputs.space_group.shape == (2, 230)
    assert outputs.embedding.shape == (2, 560)
    assert (outputs.lattice > 0).all()
    assert (outputs.lattice[:, :3] < 500).all()
    assert (outputs.lattice[:, 3:] < 180).all()
    torch.testing.assert_close(again.space_group, outputs.space_group, rtol=1e-3, atol=1e-4)


def test_the_papers_features_are_averages_over_seven_windows() -> None:
    network = AlphaDiffract().eval()
    x = torch.rand(1, 80, 65)
    expected = torch.nn.functional.adaptive_avg_pool1d(x, 7)
    got = torch.stack([x[:, :, a:b].mean(dim=2) for a, b in network.windows], dim=2)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", ["compact", "serving"])
def test_one_member_in_half_precision_fits_a_file(name: str) -> None:
    network = build(read_config(CONFIGS / f"{name}.toml").network)
    size = sum(v.numel() * 2 for v in network.state_dict().values())
    assert size / 2**20 < HALF_PRECISION_MIB


def test_dropped_branches_are_made_up_for() -> None:
    torch.manual_seed(0)
    branch = torch.ones(20_000, 2, 3)
    dropped = drop_path(branch, 0.3, training=True)
    kept = dropped[:, 0, 0] > 0
    assert kept.float().mean() == pytest.approx(0.7, abs=0.02)
    torch.testing.assert_close(dropped[kept], branch[kept] / 0.7)
    assert drop_path(branch, 0.3, training=False) is branch


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="transformer"):
        build({"kind": "transformer"})


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_networks_are_traced_as_one_graph(name: str) -> None:
    """As torch.compile wants them; the graph itself is run without a compiler."""
    network = build(read_config(CONFIGS / f"{name}.toml").network).eval()
    traced = torch.compile(network, backend="eager", fullgraph=True)
    pattern = torch.rand(2, 8192)
    with torch.no_grad():
        torch.testing.assert_close(traced(pattern).lattice, network(pattern).lattice)
