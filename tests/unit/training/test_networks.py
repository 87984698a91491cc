from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.networks import (
    AlphaDiffract,
    HeadOptions,
    RawOutputs,
    answer,
    build,
    in_bfloat16,
    quick_in_bfloat16,
)
from training.networks._drop_path import drop_path
from training.networks._lattice import FORMS
from training.trainer import load_average, read_config

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


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "transformer"}, "transformer"),
        ({"kind": "compact", "chanels": [8]}, "network.chanels: no such option"),
        ({"heads": {"expert": True}}, "network.heads.expert: no such option"),
        ({"heads": {"lattice": "cubic"}}, "network.heads.lattice: 'cubic' is not one of"),
    ],
)
def test_unknown_networks_and_options_are_refused(config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(config)


@pytest.mark.parametrize("form", list(FORMS))
def test_any_six_numbers_are_a_cell(form: str) -> None:
    torch.manual_seed(0)
    cell = FORMS[form](3 * torch.randn(500, 6))
    assert torch.isfinite(cell).all()
    assert (cell > 0).all()
    assert (cell[:, 3:] < 180).all()


def test_the_reciprocal_form_is_the_inverse_of_its_metric() -> None:
    torch.manual_seed(1)
    raw = torch.randn(40, 6, dtype=torch.float64)
    lower = torch.zeros(40, 3, 3, dtype=torch.float64)
    rows, columns = torch.tril_indices(3, 3, -1)
    lower[:, rows, columns] = 0.3 * raw[:, [3, 4, 5]]
    lower += torch.eye(3, dtype=torch.float64)
    diagonal = torch.exp(-(2.0 + 0.4 * raw[:, :3]))
    basis = diagonal.unsqueeze(2) * lower  # rows: a* b* c*
    metric = torch.linalg.inv(basis @ basis.mT)
    lengths = metric.diagonal(dim1=1, dim2=2).sqrt()
    pairs = [(1, 2), (0, 2), (0, 1)]
    angles = [
        torch.rad2deg(torch.acos(metric[:, i, j] / lengths[:, i] / lengths[:, j])) for i, j in pairs
    ]
    expected = torch.cat([lengths, torch.stack(angles, dim=1)], dim=1)
    torch.testing.assert_close(FORMS["reciprocal"](raw), expected)


def test_groups_are_shares_of_their_system() -> None:
    torch.manual_seed(2)
    raw = _raw(HeadOptions(conditioned=True))
    outputs = answer(raw, HeadOptions(conditioned=True))
    group, system = outputs.space_group.softmax(dim=1), outputs.crystal_system.softmax(dim=1)
    first = 0
    for index, last in enumerate([2, 15, 74, 142, 167, 194, 230]):
        torch.testing.assert_close(group[:, first:last].sum(dim=1), system[:, index])
        own = raw.space_group[:, first:last].softmax(dim=1)
        torch.testing.assert_close(
            group[:, first:last] / group[:, first:last].sum(dim=1, keepdim=True), own
        )
        first = last


def test_experts_are_mixed_by_the_systems_probabilities() -> None:
    torch.manual_seed(3)
    options = HeadOptions(experts=True, sigma=True)
    raw = _raw(options)
    mixed = answer(raw, options)
    each = raw.lattice.reshape(4, 7, 12)
    single = [answer(raw._replace(lattice=each[:, i]), HeadOptions(sigma=True)) for i in range(7)]
    weight = raw.crystal_system.softmax(dim=1)
    cells = torch.stack([o.lattice for o in single], dim=1)
    spreads = torch.stack([o.lattice_std for o in single], dim=1)  # type: ignore[list-item]
    mean = torch.einsum("bs,bsk->bk", weight, cells)
    second = torch.einsum("bs,bsk->bk", weight, spreads**2 + cells**2)
    torch.testing.assert_close(mixed.lattice, mean)
    assert mixed.lattice_std is not None
    torch.testing.assert_close(mixed.lattice_std, (second - mean**2).sqrt(), rtol=1e-3, atol=1e-2)
    sure = raw._replace(crystal_system=torch.eye(7)[[6, 0, 3, 4]] * 200)
    torch.testing.assert_close(answer(sure, options).lattice, cells[torch.arange(4), [6, 0, 3, 4]])


def test_lattices_do_not_move_the_systems_probabilities() -> None:
    raw = _raw(HeadOptions(experts=True))
    raw.crystal_system.requires_grad_()
    raw.lattice.requires_grad_()
    answer(raw, HeadOptions(experts=True)).lattice.sum().backward()
    assert raw.lattice.grad is not None
    assert raw.crystal_system.grad is None


def _raw(options: HeadOptions) -> RawOutputs:
    return RawOutputs(
        torch.randn(4, 7),
        torch.randn(4, 230),
        torch.randn(4, options.lattice_width),
        torch.randn(4, 9),
    )


ALL = {"lattice": "reciprocal", "experts": True, "sigma": True, "conditioned": True}


@pytest.mark.parametrize("kind", ["compact", "alphadiffract"])
def test_every_choice_of_heads_builds_on_either_network(kind: str) -> None:
    network = build({"kind": kind, "heads": ALL}).eval()
    with torch.no_grad():
        outputs = network(torch.rand(2, 8192))
    assert outputs.lattice.shape == (2, 6)
    assert outputs.lattice_std is not None
    assert (outputs.lattice_std > 0).all()


def test_weights_of_the_shipped_network_still_load() -> None:
    folder = CONFIGS.parent / "checkpoints" / "compact"
    network = build(read_config(folder / "config.json").network)
    load_average(folder / "checkpoint.pt", network)


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_networks_are_traced_as_one_graph(name: str) -> None:
    """As torch.compile wants them; the graph itself is run without a compiler."""
    network = build(read_config(CONFIGS / f"{name}.toml").network).eval()
    traced = torch.compile(network, backend="eager", fullgraph=True)
    pattern = torch.rand(2, 8192)
    with torch.no_grad():
        torch.testing.assert_close(traced(pattern).lattice, network(pattern).lattice)


@pytest.mark.parametrize(
    ("device", "processor", "quick"),
    [
        ("cpu", "AVX2", False),
        ("cpu", "AVX512", True),
        ("cpu", "DEFAULT", False),
        ("cuda", "AVX2", True),
    ],
)
def test_bfloat16_is_for_devices_that_are_quick_in_it(
    device: str, processor: str, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    assert quick_in_bfloat16(torch.device(device)) is quick


@pytest.mark.parametrize(
    ("wanted", "processor", "computed"),
    [
        (True, "AVX512", torch.bfloat16),
        (True, "AVX2", torch.float32),
        (False, "AVX512", torch.float32),
    ],
)
def test_a_block_computes_in_bfloat16_where_that_is_wanted_and_quick(
    wanted: bool, processor: str, computed: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    with in_bfloat16(torch.device("cpu"), wanted=wanted):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == computed
