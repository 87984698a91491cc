from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch

from alphadiffract_stream.engines import open_engine
from alphadiffract_stream.prediction import SIGNATURE
from training.deployment import Calibration, DeployedEnsemble, calibrate, export_onnx, write_card
from training.deployment._calibrate import agreed_probabilities, system_sums
from training.networks import HeadOutputs, build

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
