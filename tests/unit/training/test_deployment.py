from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from alphadiffract_stream.engines import open_engine
from alphadiffract_stream.prediction import SIGNATURE
from training.deployment import (
    Calibration,
    DeployedEnsemble,
    calibrate,
    calibrate_whole,
    export_onnx,
    held_out_metrics,
    write_card,
)
from training.deployment._calibrate import agreed_probabilities, system_sums
from training.deployment._graph import total_std
from training.ensembles import FusedMembers, Members
from training.networks import HeadOutputs, build
from training.patterns import Batch

TINY = {"points": 1024, "channels": (8, 8), "kernels": (3, 3), "depths": (1, 1), "features": 16}


@pytest.fixture(scope="module")
def members() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [build({"kind": "compact", **TINY}).eval() for _ in range(3)]


# Raised inside torch.export itself.
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_graph_file_equals_its_members_and_runs_in_the_service(
    members: list[torch.nn.Module], tmp_path: Path
) -> None:
    calibration = Calibration(
        1.2, 0.8, 0.4, (0.1,) * 6, np.zeros(16, np.float32), np.ones(16, np.float32), 3.0
    )
    graph = DeployedEnsemble(members, calibration).eval()
    examples = torch.rand(5, 8192)
    assert export_onnx(graph, tmp_path / "net.onnx", examples) < 1e-5
    card = write_card(
        tmp_path / "net.onnx",
        graph,
        calibration,
        name="tiny",
        version="0",
        training_set="none",
        metrics={},
        config={},
    )
    assert card.members == 3
    engine = open_engine(f"onnx:{tmp_path / 'net.onnx'}")
    outputs = engine.run(examples.numpy())
    asyncio.run(engine.close())
    with torch.no_grad():
        each = [DeployedEnsemble([m], calibration).eval()(examples) for m in members]
    for index, name in enumerate(SIGNATURE):
        if name.endswith("_std"):
            expected = np.std([e[index - 1].numpy() for e in each], axis=0)
        else:
            expected = np.mean([e[index].numpy() for e in each], axis=0)
        np.testing.assert_allclose(getattr(outputs, name), expected, atol=2e-5, err_msg=name)


def test_one_member_alone_answers_as_two_that_are_the_same(members: list[torch.nn.Module]) -> None:
    examples, calibration = torch.rand(3, 8192), Calibration(1.2, 0.8, 0.4)
    with torch.no_grad():
        alone = DeployedEnsemble(members[:1], calibration).eval()(examples)
        twins = DeployedEnsemble([members[0], members[0]], calibration).eval()(examples)
    for name, one, two in zip(SIGNATURE, alone, twins, strict=True):
        if name.endswith("_std"):
            assert not one.any(), name
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-6)


def test_a_sigma_of_one_member_is_its_own() -> None:
    sigma = torch.rand(1, 4, 6)
    torch.testing.assert_close(total_std(torch.zeros(4, 6), sigma), sigma[0], rtol=0, atol=0)


def test_systems_are_the_sums_of_their_groups() -> None:
    torch.manual_seed(1)
    system, group = agreed_probabilities(
        torch.randn(4, 7), 3 * torch.randn(4, 230), system_sums(), Calibration(1.5, 0.7, 0.3)
    )
    torch.testing.assert_close(group @ system_sums(), system)
    torch.testing.assert_close(system.sum(dim=1), torch.ones(4))


def test_temperature_finds_overconfidence() -> None:
    torch.manual_seed(2)
    truth = torch.randint(0, 7, (4000,))
    honest = torch.randn(4000, 7)
    honest[torch.arange(4000), truth] += 1.0
    group = torch.randint(0, 230, (4000,))
    group_logits = torch.randn(4000, 230)
    group_logits[torch.arange(4000), group] += 1.0
    lattice = torch.rand(4000, 6) + 5
    outputs = HeadOutputs(3.0 * honest, group_logits, lattice + 0.5, torch.randn(4000, 8))
    fitted = calibrate([outputs], truth, group, lattice)
    assert fitted.system_temperature == pytest.approx(3.0, rel=0.1)
    assert fitted.group_temperature == pytest.approx(1.0, rel=0.1)
    np.testing.assert_allclose(fitted.lattice_std, 0.5, atol=1e-5)


PAPER = {"channels": 6, "class_widths": (20, 12), "lattice_widths": (10, 8)}
HEADS = {"lattice": "reciprocal", "experts": True, "sigma": True, "conditioned": True}
QUIET = "ignore:.*LeafSpec.*:FutureWarning"


@pytest.mark.filterwarnings(QUIET)
@pytest.mark.parametrize(
    "config",
    [{"kind": "compact", **TINY}, {"kind": "alphadiffract", **PAPER, "heads": HEADS}],
    ids=["compact", "paper, all choices of heads"],
)
def test_a_fused_file_equals_the_members(config: dict, tmp_path: Path) -> None:
    torch.manual_seed(3)
    networks = [build(config).eval() for _ in range(2)]
    scale = (1.1, 0.9, 1.0, 1.0, 1.3, 0.8) if "heads" in config else None
    calibration = Calibration(1.2, 0.8, 0.4)
    plain = DeployedEnsemble(Members(networks), calibration, scale)
    fused = DeployedEnsemble(FusedMembers(networks), calibration, scale)
    examples = torch.rand(5, 8192)
    assert export_onnx(fused, tmp_path / "fused.onnx", examples, plain) < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "fused.onnx")
    with torch.no_grad():
        expected = plain.eval()(examples)
    for name, value in zip(SIGNATURE, expected, strict=True):
        (got,) = session.run([name], {"pattern": examples.numpy()})
        np.testing.assert_allclose(got, value.numpy(), atol=1e-5, rtol=1e-4, err_msg=name)


def test_a_file_that_differs_from_its_members_is_refused(
    members: list[torch.nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = DeployedEnsemble(members[:1], Calibration())
    other = DeployedEnsemble(members[1:2], Calibration())

    class Program:
        model_proto = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))

        def optimize(self) -> None: ...

    class Session:
        def __init__(self, path: Path, providers: list[str]) -> None: ...

        def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [v.numpy() for v in graph.eval()(torch.from_numpy(feed["pattern"]))]

    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: Program())
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with torch.no_grad(), pytest.raises(RuntimeError, match="differs from torch"):
        export_onnx(graph, tmp_path / "net.onnx", torch.rand(2, 8192), other)


def outputs_of(
    rng: torch.Generator, truth: torch.Tensor, group: torch.Tensor, lattice: torch.Tensor
) -> HeadOutputs:
    """Three members, each wrong in its own way, one answer in a few."""
    n = len(truth)
    system_logits = torch.randn(3, n, 7, generator=rng)
    system_logits[:, torch.arange(n), truth] += 1.0
    group_logits = torch.randn(3, n, 230, generator=rng)
    group_logits[:, torch.arange(n), group] += 2.0
    noise = torch.randn(3, n, 6, generator=rng)
    return HeadOutputs(system_logits, group_logits, lattice + noise, torch.randn(3, n, 8))


@pytest.fixture
def labels() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(4)
    group = torch.randint(0, 230, (3000,), generator=rng)
    truth = torch.bucketize(group + 1, torch.tensor([2, 15, 74, 142, 167, 194, 230]))
    return truth, group, 5 + torch.rand(3000, 6, generator=rng)


def test_the_ensemble_is_calibrated_as_a_whole(
    labels: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    outputs = outputs_of(torch.Generator().manual_seed(5), *labels)
    whole, scale = calibrate_whole(outputs, *labels)
    assert scale is None
    each = calibrate([outputs.map(lambda v, i=i: v[i]) for i in range(3)], *labels)
    assert whole.system_temperature < each.system_temperature

    def loss(calibration: Calibration) -> float:
        graph = DeployedEnsemble([torch.nn.Identity()], calibration)
        mean = graph.agreed(outputs.crystal_system, outputs.space_group)[0].mean(dim=0)
        return torch.nn.functional.nll_loss(mean.log(), labels[0]).item()

    assert loss(whole) < loss(each) - 0.01


def test_two_errors_in_three_lie_within_the_deployed_std(
    labels: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    lattice = labels[2]
    outputs = outputs_of(torch.Generator().manual_seed(6), *labels)
    outputs = outputs._replace(lattice=outputs.lattice + 2 * torch.randn(3000, 6))
    whole, _ = calibrate_whole(outputs, *labels)
    spread = outputs.lattice.std(dim=0, correction=0)
    total = torch.hypot(spread, torch.tensor(whole.lattice_std))
    error = (outputs.lattice.mean(dim=0) - lattice).abs()
    assert (error <= total).float().mean().item() == pytest.approx(0.683, abs=0.002)


def test_a_std_of_each_pattern_is_scaled_and_told(
    labels: tuple[torch.Tensor, torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    """σ differs from pattern to pattern, and members claim half of it."""
    truth, group, lattice = labels
    sigma = 0.1 + 2 * torch.rand(3000, 1).expand(-1, 6)
    member = HeadOutputs(
        torch.randn(1, 3000, 7),
        torch.randn(1, 3000, 230),
        (lattice + sigma * torch.randn(3000, 6)).unsqueeze(0),
        torch.randn(1, 3000, 8),
        0.5 * sigma.unsqueeze(0),
    )
    calibration, scale = calibrate_whole(member, *labels)
    assert scale is not None
    np.testing.assert_allclose(scale, 2.0, rtol=0.1)
    network = build({"kind": "compact", **TINY, "heads": {"sigma": True}}).eval()
    graph = DeployedEnsemble([network], calibration, scale).eval()
    nothing = torch.zeros(3000, 0)
    batch = Batch(nothing, truth, group, lattice, nothing)
    metrics = held_out_metrics(graph, member, batch)
    assert metrics["val_lattice_within_std"] == pytest.approx(0.683, abs=0.002)
    assert "val_group_each_member" not in metrics
    (tmp_path / "net.onnx").write_bytes(b"")
    card = write_card(
        tmp_path / "net.onnx",
        graph,
        calibration,
        name="tiny",
        version="0",
        training_set="none",
        metrics=metrics,
        config={},
    )
    assert card.lattice_std is None  # nothing is added to what the graph says
    with torch.no_grad():
        lattice_std = graph(torch.rand(4, 8192))[5]
    assert (lattice_std > 0).all()
    assert lattice_std.std(dim=0).max() > 0


def test_held_out_metrics_are_of_the_ensemble(
    labels: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    truth, group, lattice = labels
    outputs = outputs_of(torch.Generator().manual_seed(7), *labels)
    graph = DeployedEnsemble([torch.nn.Identity()], calibrate_whole(outputs, *labels)[0])
    nothing = torch.zeros(3000, 0)
    metrics = held_out_metrics(graph, outputs, Batch(nothing, truth, group, lattice, nothing))
    assert metrics["patterns"] == 3000
    assert metrics["val_group"] > max(metrics["val_group_each_member"]) + 0.02
