"""The runner's own logic on any machine; the graphs themselves where there is a card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.ensembles import (
    FusedMembers,
    GraphRunner,
    MeanAnswer,
    Members,
    cuda_graph,
    eager,
    lowered,
)
from training.ensembles.__main__ import main
from training.ensembles._cuda_graph import Part, parts_of
from training.networks import build

SMALL = {
    "kind": "alphadiffract",
    "channels": 6,
    "class_widths": (20, 12),
    "lattice_widths": (10, 8),
}


def test_requests_take_the_fewest_calls() -> None:
    assert list(parts_of(1, [1, 4, 16])) == [Part(0, 1, 1)]
    assert list(parts_of(3, [1, 4, 16])) == [Part(0, 3, 4)]
    assert list(parts_of(37, [1, 4, 16])) == [Part(0, 16, 16), Part(16, 32, 16), Part(32, 37, 16)]
    assert list(parts_of(0, [1])) == []


class Sums(nn.Module):
    """A module with a parameter, whose captured form always answers in the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, pattern: Tensor) -> tuple[Tensor, Tensor]:
        return self.scale * pattern.sum(dim=1), pattern[:, :3]


def test_answers_are_of_their_own_patterns_and_are_kept() -> None:
    captured: list[int] = []

    def capture(module: nn.Module, example: Tensor):
        captured.append(len(example))
        held = example.clone()
        answer = tuple(v.detach().clone() for v in module(held))

        def replay(pattern: Tensor) -> tuple[Tensor, ...]:
            held.copy_(pattern)  # of the captured size, or this raises
            for place, value in zip(answer, module(held), strict=True):
                place.copy_(value.detach())
            return answer

        return replay

    runner = GraphRunner(Sums(), (4, 1), capture)
    requests = [torch.rand(n, 8192) for n in (1, 2, 4, 11)]
    answers = [runner(request) for request in requests]  # later ones overwrite the memory
    for request, (total, first) in zip(requests, answers, strict=True):
        torch.testing.assert_close(total, request.sum(dim=1))
        torch.testing.assert_close(first, request[:, :3])
    assert sorted(captured) == [1, 4]  # once each
    runner.capture_all()
    assert len(captured) == 2


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="not positive"):
        GraphRunner(Sums(), ())
    with pytest.raises(ValueError, match="no patterns"):
        GraphRunner(Sums(), (1,), eager)(torch.rand(0, 8192))
    with pytest.raises(RuntimeError, match="need a CUDA device"):
        GraphRunner(Sums(), (1,))(torch.rand(1, 8192))


@pytest.mark.parametrize("fused", [False, True], ids=["one after another", "fused"])
def test_lowered_precision_keeps_norms_and_answers_in_float32(fused: bool) -> None:
    torch.manual_seed(0)
    networks = [build(SMALL).eval() for _ in range(3)]
    pattern = 1e6 * torch.rand(4, 8192)
    with torch.no_grad():
        expected = MeanAnswer(Members(networks))(pattern)
        members = FusedMembers(networks) if fused else Members(networks)
        module = lowered(MeanAnswer(members), torch.bfloat16)
        got = module(pattern)
    kinds = {n.rsplit(".", 2)[-2]: p.dtype for n, p in module.named_parameters()}
    assert kinds["norm"] == torch.float32
    assert kinds["widen"] == torch.bfloat16
    for g, e in zip(got[:2], expected[:2], strict=True):
        assert g.dtype == torch.float32
        torch.testing.assert_close(g, e, atol=5e-3, rtol=0.1)


def test_the_bench_compares_every_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text(json.dumps({"name": "s", "network": SMALL}))
    np.save(tmp_path / "patterns.npy", np.random.default_rng(0).random((6, 8192)))
    files = ["--config", str(tmp_path / "small.json"), "--patterns", str(tmp_path / "patterns.npy")]
    main([*files, "--members", "2", "--batches", "1", "4", "--repeats", "2"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    timed = [r for r in rows if "batch" in r]
    assert {r["batch"] for r in timed} == {1, 4}
    first = timed[0]
    assert first["way"] == "sequential float32, eager"
    assert first["ratio_to_papers_way"] == 1.0
    told = {r["way"]: r for r in rows if "group_top1_disagreement" in r}
    assert told["sequential float32"]["group_top1_disagreement"] == 0
    assert told["fused float32"]["group_probability_difference"] < 1e-5
    assert told["fused bfloat16"]["group_probability_difference"] > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_graphs_answer_as_the_module_does() -> None:
    torch.manual_seed(0)
    module = MeanAnswer(FusedMembers([build(SMALL).eval() for _ in range(3)])).cuda()
    runner = GraphRunner(module, (1, 4), cuda_graph)
    for count in (1, 3, 9):
        pattern = torch.rand(count, 8192, device="cuda")
        with torch.no_grad():
            for got, expected in zip(runner(pattern), module(pattern), strict=True):
                torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
