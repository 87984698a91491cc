from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from alphadiffract_stream.grid import GRID_TWO_THETA
from training.commands import app
from training.explanation import (
    explanation_figure,
    grad_cam,
    peaks_that_mattered,
    reflection_ticks,
)
from training.networks import HeadOutputs, build

TINY = {"points": 1024, "channels": [8, 8], "kernels": [3, 3], "depths": [1, 1], "features": 16}
PAPER = {"kind": "alphadiffract", "channels": 8, "class_widths": [16], "lattice_widths": [16]}


class OneWindow(nn.Module):
    """Reads the mean of 12 … 13° alone for class 3, and of 7 … 8° against it."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(nn.AvgPool1d(1), nn.Identity(), nn.AvgPool1d(64))

    def forward(self, pattern: Tensor) -> HeadOutputs:
        x = self.stages(
            torch.cat([pattern[:, None] * self.near(12, 13), pattern[:, None] * self.near(7, 8)], 1)
        )
        total = x.mean(dim=2)
        system = torch.zeros(1, 7).index_fill(1, torch.tensor([3]), 1.0) * (
            total[:, :1] - total[:, 1:]
        )
        return HeadOutputs(system, system.new_zeros(1, 230), system.new_ones(1, 6), total)

    def near(self, low: float, high: float) -> Tensor:
        return torch.from_numpy((low < GRID_TWO_THETA) & (high > GRID_TWO_THETA)).float()


def peaks_at(*places: float) -> np.ndarray:
    return sum(np.exp(-(((GRID_TWO_THETA - p) / 0.05) ** 2)) for p in places).astype(np.float32)


def test_heat_lies_where_the_network_looks_and_not_where_it_speaks_against() -> None:
    pattern = peaks_at(7.5, 10.0, 12.5)
    found = grad_cam(OneWindow(), pattern, "crystal_system", index=3)
    assert found.heat.max() == pytest.approx(1.0)
    assert GRID_TWO_THETA[found.heat.argmax()] == pytest.approx(12.5, abs=0.01)
    assert found.heat[np.abs(GRID_TWO_THETA - 7.5) < 0.5].max() == 0
    order = peaks_that_mattered(pattern, found.heat)
    assert order[0].two_theta == pytest.approx(12.5, abs=0.01)
    assert order[0].heat > 0.99
    assert {round(p.heat, 3) for p in order[1:]} == {0.0}
    # Bragg: 12.5° at 20 keV.
    assert order[0].d == pytest.approx(12.398419843 / 20 / (2 * np.sin(np.radians(6.25))), abs=1e-3)


@pytest.mark.parametrize("config", [TINY, PAPER], ids=["compact", "paper"])
@pytest.mark.parametrize("head", ["crystal_system", "space_group"])
def test_both_networks_can_be_explained(config: dict, head: str) -> None:
    torch.manual_seed(0)
    network = build(config).eval().requires_grad_(False)
    found = grad_cam(network, peaks_at(7, 9, 12, 15), head)
    assert found.heat.shape == (8192,)
    assert np.isfinite(found.heat).all()
    assert 0 <= found.heat.min() <= found.heat.max() <= 1
    assert 0 < found.probability < 1


def test_layers_that_do_not_serve_are_named() -> None:
    network = build(TINY)
    with pytest.raises(ValueError, match="no 'stage'"):
        grad_cam(network, peaks_at(9), layer="stage")
    with pytest.raises(ValueError, match="no positions"):
        grad_cam(network, peaks_at(9), layer="neck")


def test_ticks_of_rock_salt() -> None:
    # 111, 200 and 220 of a = 5.64 Å; 100, 110 and 211 are absent.
    niggli = [5.64 / np.sqrt(2)] * 3 + [60.0] * 3
    d = np.array([5.64 / np.sqrt(n) for n in (3, 4, 8)])
    expected = 2 * np.degrees(np.arcsin(12.398419843 / 20 / (2 * d)))
    np.testing.assert_allclose(reflection_ticks(niggli, 225), expected, atol=1e-4)
    assert reflection_ticks([1.0, 1, 9, 10, 10, 170], 2).size == 0


def test_figure_shows_pattern_heat_and_ticks() -> None:
    pattern = peaks_at(9, 12)
    attention = grad_cam(OneWindow(), pattern, index=3)
    figure = explanation_figure(pattern, [attention], np.array([9.0, 12.0]), "sample")
    ax = figure.axes[0]
    assert ax.get_xlabel() == "2θ at 20 keV / °"
    assert "tetragonal" in ax.get_title()
    lines = max(
        (c for c in ax.collections if c.get_array() is not None), key=lambda c: len(c.get_array())
    )
    np.testing.assert_array_equal(lines.get_array(), attention.heat[:-1])


def test_command_writes_picture_and_peaks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = tmp_path / "run"
    run.mkdir()
    network = {"kind": "compact", **TINY}
    (run / "config.json").write_text(json.dumps({"name": "tiny", "network": network}))
    torch.save({"average": build(network).state_dict()}, run / "checkpoint.pt")
    axis = np.linspace(10, 60, 3000)
    counts = (
        10 + 1000 * np.exp(-(((axis - 30) / 0.1) ** 2)) + 500 * np.exp(-(((axis - 42) / 0.1) ** 2))
    )
    np.savetxt(tmp_path / "scan.xy", np.column_stack([axis, counts]))
    arguments = ["explain", str(run), str(tmp_path / "scan.xy"), "--wavelength", "1.5406"]
    arguments += ["--output", str(tmp_path / "why.png"), "--group", "Fm-3m"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads((tmp_path / "why.json").read_text())
    assert told["space_group"]["class"] == 225
    found = sorted(peak["two_theta"] for peak in told["crystal_system"]["peaks"])
    expected = [
        2 * np.degrees(np.arcsin(np.sin(np.radians(t / 2)) * (12.398419843 / 20) / 1.5406))
        for t in (30, 42)
    ]
    np.testing.assert_allclose(found, expected, atol=0.01)
