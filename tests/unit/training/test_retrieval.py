"""Looking patterns up: the loss, the quantised scores, the gate, and the way into one graph."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from training.deployment import Calibration, DeployedEnsemble, export_onnx, rounded_to_half
from training.networks import HeadOutputs, build
from training.patterns import system_sums
from training.retrieval import (
    Found,
    Gate,
    KeyBank,
    Memory,
    Neighbours,
    RetrievalConfig,
    WithMemory,
    combined,
    fit_gate,
    load_gate,
    retrieval_loss,
    save_gate,
    thinned,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*LeafSpec.*:FutureWarning"  # torch.onnx itself
)

WIDTH = 16
CUBIC, ROCK_SALT, WURTZITE = 229, 224, 185


def unit(values: torch.Tensor) -> torch.Tensor:
    return F.normalize(values, dim=1)


def bank(keys: torch.Tensor, group: list[int], family: list[int]) -> KeyBank:
    order = torch.arange(len(keys))
    return KeyBank(keys, order, order.clone(), torch.tensor(group), torch.tensor(family))


def memory(count: int, seed: int = 0, width: int = WIDTH) -> Memory:
    generator = np.random.default_rng(seed)
    keys = generator.normal(size=(count, width))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    cell = generator.uniform([3, 4, 5, 80, 80, 80], [6, 7, 8, 90, 90, 90], size=(count, 6))
    return Memory(
        np.round(keys * 254).clip(-127, 127).astype(np.int8),
        generator.integers(0, 230, count).astype(np.uint8),
        cell.astype(np.float16),
        np.array([f"mp-{i}" for i in range(count)]),
    )


def network(keys: int = WIDTH) -> torch.nn.Module:
    torch.manual_seed(1)
    return build(
        {
            "kind": "compact",
            "stem_kernel": 64,
            "stem_stride": 64,
            "channels": [8, 8],
            "kernels": [3, 3],
            "depths": [1, 1],
            "positions": 4,
            "features": 24,
            "heads": {"keys": keys},
        }
    ).eval()


class TestLoss:
    def test_is_nothing_where_the_fresh_key_is_the_query(self) -> None:
        keys = torch.eye(4, WIDTH)
        config = RetrievalConfig(weight=1, window=4, temperature=0.01)
        query = keys[:2]
        losses = retrieval_loss(
            query, torch.tensor([0, 1]), query, bank(keys, [1, 2, 3, 4], [0, 1, 2, 3]), 0, config
        )
        assert losses["neighbours"] < 1e-4
        assert losses["identity"] < 1e-4

    def test_without_a_fresh_key_kin_does_not_count(self) -> None:
        keys = torch.eye(3, WIDTH)
        # Crystal 0 and 1 are one family of group 7, and 2 is another group: nothing right is left.
        config = RetrievalConfig(weight=1, window=3)
        held = bank(keys, [7, 7, 9], [5, 5, 6])
        alone = retrieval_loss(keys[:1], torch.tensor([0]), keys[:0], held, 0, config)
        assert alone["neighbours"] == 0
        # As another family of the same group, the nearest neighbour is right.
        held = bank(keys, [7, 7, 9], [5, 4, 6])
        query = unit(torch.tensor([[0.0, 1.0, 0.9] + [0.0] * (WIDTH - 3)]))
        near = retrieval_loss(query, torch.tensor([0]), keys[:0], held, 0, config)
        # ln(1 + exp(-(cosine difference 0.0743) / 0.05))
        assert near["neighbours"].item() == pytest.approx(0.204, abs=0.01)

    def test_has_finite_slopes_where_nothing_is_right(self) -> None:
        keys = torch.eye(3, WIDTH)
        query = torch.nn.Parameter(unit(torch.rand(2, WIDTH)))
        config = RetrievalConfig(weight=1, window=3)
        held = bank(keys, [7, 8, 9], [1, 2, 3])
        losses = retrieval_loss(query, torch.tensor([0, 1]), keys[:1], held, 0, config)
        (losses["neighbours"] + losses["identity"]).backward()
        assert query.grad is not None
        assert torch.isfinite(query.grad).all()

    def test_renewed_keys_are_those_of_their_crystals(self) -> None:
        order = torch.tensor([4, 2, 0])
        row = torch.full((5,), -1)
        row[order] = torch.arange(3)
        held = KeyBank(torch.zeros(3, WIDTH), order, row, torch.zeros(3), torch.zeros(3))
        assert not held.filled
        held.renew(torch.tensor([2]), torch.ones(1, WIDTH))
        assert held.keys[1].sum() == WIDTH
        assert held.keys[[0, 2]].sum() == 0


class TestNeighbours:
    def test_finds_the_nearest_by_cosine(self) -> None:
        held = memory(300)
        keys = torch.from_numpy(held.keys).float()
        query = unit(keys[[5, 70]] + 3 * torch.randn(2, WIDTH, generator=torch.manual_seed(0)))
        found = Neighbours(held, 8)(query)
        exact = query @ unit(keys).T
        assert found.group[:, 0].tolist() == [int(held.group[5]), int(held.group[70])]
        best = exact.topk(8, dim=1).values
        # Components beyond ±0.5 are cut off in the memory, so long keys of few numbers lose some.
        assert torch.allclose(found.similarity[:, 0], best[:, 0], atol=0.15)
        assert (found.similarity.diff(dim=1) <= 0).all()

    def test_floats_find_the_same(self) -> None:
        neighbours = Neighbours(memory(300), 8)
        query = unit(torch.randn(4, WIDTH, generator=torch.manual_seed(5)))
        whole = neighbours(query)
        neighbours.integer = False
        assert torch.equal(neighbours(query).group[:, 0], whole.group[:, 0])
        assert torch.allclose(neighbours(query).similarity, whole.similarity, atol=1e-5)

    def test_asks_no_more_than_there_are(self) -> None:
        assert Neighbours(memory(3), 32)(torch.rand(1, WIDTH)).group.shape == (1, 3)


def outputs(group: torch.Tensor, lattice: torch.Tensor) -> HeadOutputs:
    count = len(group)
    return HeadOutputs(torch.zeros(count, 7), group, lattice, torch.zeros(count, 4))


class TestGate:
    def test_follows_near_neighbours_and_not_far_ones(self) -> None:
        generator = torch.manual_seed(3)
        count = 400
        truth = torch.randint(0, 230, (count,), generator=generator)
        near = torch.arange(count) < count // 2
        guess = torch.where(near, truth, torch.randint(0, 230, (count,), generator=generator))
        similarity = torch.where(near, 0.99, 0.4)[:, None] - torch.tensor([0.0, 0.3])
        found = Found(
            similarity,
            torch.stack([guess, guess.roll(1)], dim=1),
            torch.ones(count, 2, 6),
            torch.zeros(count, 2, dtype=torch.int64),
        )
        logits = torch.full((count, 230), -3.0).scatter(1, truth[:, None], 1.0)
        own = outputs(logits, torch.ones(count, 6))
        gate = fit_gate(own, found, truth)
        answer = combined(own, found, gate, system_sums())
        assert (answer.space_group.argmax(dim=1) == truth).float().mean() > 0.98
        likelihood = answer.space_group.gather(1, truth[:, None])[:, 0]
        assert likelihood[near].exp().mean() > 0.95
        assert likelihood[~near].exp().mean() > 0.8 * 0.18

    def test_cell_is_that_of_believed_neighbours(self) -> None:
        cells = torch.tensor([[[4.0, 4, 4, 90, 90, 90], [9.0, 9, 9, 60, 60, 60]]])
        groups, crystals = torch.tensor([[ROCK_SALT, CUBIC]]), torch.tensor([[0, 1]])
        found = Found(torch.tensor([[0.95, 0.94]]), groups, cells, crystals)
        gate = Gate()
        with torch.no_grad():
            gate.bias.fill_(50)
            gate.log_temperature.fill_(-6)
        own = outputs(torch.zeros(1, 230), torch.full((1, 6), 7.0))
        answer = combined(own, found, gate, system_sums())
        assert torch.allclose(answer.lattice, cells[:, 0], atol=0.05)
        assert answer.lattice_std is not None
        # A computed cell is never better than some per cent.
        assert (answer.lattice_std[:, :3] > 0.05).all()

    def test_probabilities_sum_to_one_and_systems_follow_groups(self) -> None:
        found = Neighbours(memory(50), 8)(unit(torch.rand(6, WIDTH)))
        own = outputs(torch.randn(6, 230), torch.full((6, 6), 5.0))
        answer = combined(own, found, Gate(), system_sums())
        assert torch.allclose(answer.space_group.exp().sum(dim=1), torch.ones(6), atol=1e-4)
        summed = answer.space_group.exp() @ system_sums()
        assert torch.allclose(answer.crystal_system.exp(), summed, atol=1e-4)

    def test_file_keeps_every_number(self, tmp_path) -> None:
        gate = Gate()
        with torch.no_grad():
            gate.weight.copy_(torch.tensor([1.5, -0.25, 3.0, 0.125]))
        save_gate(gate, tmp_path / "gate.json")
        assert json.loads((tmp_path / "gate.json").read_text())["weight"][0] == 1.5
        again = load_gate(tmp_path / "gate.json").state_dict()
        assert all(torch.equal(value, again[name]) for name, value in gate.state_dict().items())


def test_a_memory_holds_nothing_twice() -> None:
    held = memory(40)
    again = Memory(
        np.concatenate([held.keys, held.keys[:4]]),
        np.concatenate([held.group, held.group[:3], held.group[3:4] + 1]),
        np.concatenate(
            [held.lattice, held.lattice[:4] * np.array([[1.01], [1.1], [1], [1]])]
        ).astype(np.float16),
        np.concatenate([held.identifier, np.array(["like", "larger", "same", "other group"])]),
    )
    left = thinned(again)
    assert set(again.identifier) - set(left.identifier) == {"like", "same"}
    assert len(left.keys) == len(left.group) == len(left.lattice) == 42


def test_memory_file(tmp_path) -> None:
    held = memory(20)
    held.save(tmp_path / "memory.npz")
    again = Memory.load(tmp_path / "memory.npz")
    assert np.array_equal(held.keys, again.keys)
    assert again.identifier[3] == "mp-3"
    with pytest.raises(FileNotFoundError, match="training remember"):
        Memory.load(tmp_path / "other.npz")


def test_network_without_keys_is_refused() -> None:
    whole = WithMemory(network(keys=0), Neighbours(memory(10)), Gate())
    with pytest.raises(ValueError, match=r"heads\.keys"):
        whole(torch.rand(1, 8192))


def test_one_graph_equals_network_and_memory(tmp_path) -> None:
    member = rounded_to_half(WithMemory(network(), Neighbours(memory(500)), Gate()).eval())
    calibration = Calibration(lattice_std=(0.1,) * 6, domain_mean=np.zeros(24, np.float32))
    graph = DeployedEnsemble([member], calibration, (1.0,) * 6)
    patterns = torch.rand(5, 8192, generator=torch.manual_seed(2))
    assert export_onnx(graph, tmp_path / "net.onnx", patterns) <= 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    together = session.run(["space_group"], {"pattern": patterns.numpy()})[0]
    alone = session.run(["space_group"], {"pattern": patterns[3:4].numpy()})[0]
    # What a pattern is answered does not depend on its company.
    assert np.allclose(together[3], alone[0], atol=1e-6)


def test_exported_weights_take_half_the_room(tmp_path) -> None:
    big = build({"kind": "compact", "features": 512, "heads": {"keys": WIDTH}}).eval()
    calibration = Calibration(domain_mean=np.zeros(512, np.float32))
    graph = DeployedEnsemble([rounded_to_half(big)], calibration)
    export_onnx(graph, tmp_path / "net.onnx", torch.rand(3, 8192))
    numbers = sum(p.numel() for p in big.parameters())
    assert (tmp_path / "net.onnx").stat().st_size < 2.4 * numbers
