"""Comparing remembered crystals line by line: lines, alignment, the judge, and one graph of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH
from alphadiffract_stream.prediction import ModelCard, network_bytes
from tests.support import make_tiny_model
from training.commands import app
from training.deployment import (
    Calibration,
    DeployedEnsemble,
    GraphMemory,
    export_onnx,
    rounded_to_half,
    with_inverted_file,
    without_inverted_file,
)
from training.matching import (
    Comparison,
    JointNetwork,
    Judge,
    JudgeOptions,
    Lines,
    Matching,
    Profile,
    Queries,
    WithMatching,
    compared,
    fit_judge,
    judged,
    likeliest,
    lines_of,
    load_matching,
    members_of,
    save_matching,
)
from training.matching._axis import GRID_ENDS, POINTS, STEP
from training.matching._axis import GRID_WAVELENGTH as WAVELENGTH
from training.matching._lines import FINE, MARGIN, NONE, SHARES
from training.networks import build
from training.patterns import KEY, open_drawer
from training.reflections import ReflectionStore, SymmetryTables
from training.retrieval import Memory, Neighbours
from training.serving import in_floats

from .conftest import CRYSTALS
from .test_commands import CONFIG, folder, invoke
from .test_retrieval import memory as of_keys

__all__ = ["folder"]  # a fixture

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*LeafSpec.*:FutureWarning"  # torch.onnx itself
)
WIDTH = 16


@pytest.fixture
def patterns(store: ReflectionStore, symmetry: SymmetryTables) -> torch.Tensor:
    """One clean pattern of each textbook crystal."""
    drawer = open_drawer("device", store, symmetry, KEY, torch.device("cpu"))
    return drawer.draw(np.arange(len(store)), 5).pattern


@pytest.fixture
def lines(store: ReflectionStore) -> Lines:
    return lines_of(store, np.arange(len(store)), 40)


def tensors(lines: Lines, rows: list[list[int]]) -> list[torch.Tensor]:
    some = lines.take(np.array(rows))
    return [torch.from_numpy(column) for column in (some.place, some.strength, some.share)]


def test_axis_is_the_grids() -> None:
    assert pytest.approx(GRID_WAVELENGTH) == WAVELENGTH
    assert pytest.approx(GRID_TWO_THETA[[0, -1]]) == GRID_ENDS


def test_strongest_line_is_where_bragg_puts_it(lines: Lines) -> None:
    # 200 of rock salt, d = a / 2.
    ends = np.log(np.sin(np.radians(np.array(GRID_ENDS) / 2)))
    line = np.log(WAVELENGTH / (2 * 5.64 / 2))
    wanted = (line - ends[0]) / (ends[1] - ends[0]) * POINTS - 0.5
    row = [*CRYSTALS].index("rock salt")
    assert lines.strength[row, 0] == 255
    assert lines.place[row, 0] / FINE - MARGIN == pytest.approx(wanted, abs=0.2)
    assert (np.diff(lines.strength[row].astype(int)) <= 0).all()


def test_lines_lie_on_the_peaks_that_are_drawn(lines: Lines, patterns: torch.Tensor) -> None:
    seen = Profile()(patterns)
    for row in range(len(lines)):
        place = lines.place[row, 0] / FINE - MARGIN
        assert seen.peak[row, 0] > 0.95
        assert seen.place[row, 0] == pytest.approx(place, abs=3)


def test_scale_and_offset_do_not_matter(patterns: torch.Tensor) -> None:
    one, other = Profile()(patterns), Profile()(patterns * 1e5 - 30)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_a_crystal_explains_its_pattern_best(lines: Lines, patterns: torch.Tensor) -> None:
    count = len(lines)
    comparison = compared(Profile()(patterns), *tensors(lines, [[*range(count)]] * count))
    assert (comparison.whole[..., 0].argmax(dim=1) == torch.arange(count)).all()
    # Its strongest peaks are all lines of its own: next line within 1 % of d.
    own = torch.arange(count)
    strong = comparison.peaks[own, own, :, 0] > 0.3
    assert (comparison.peaks[own, own, :, 4][strong] > 0).all()


@pytest.mark.parametrize("larger", [0.985, 1.0, 1.012])
def test_a_cell_of_another_size_is_moved_onto_the_pattern(
    lines: Lines, patterns: torch.Tensor, larger: float
) -> None:
    """Lines as of a computed cell that is too large lie at too small angles."""
    moved = lines.place.astype(float) - FINE * np.log(larger) / STEP
    computed = replace(lines, place=moved.round().clip(0).astype(np.uint16))
    comparison = compared(Profile()(patterns), *tensors(computed, [[i] for i in range(len(lines))]))
    measured = larger * torch.exp(-STEP * comparison.shift[:, 0])
    assert torch.allclose(measured, torch.ones(len(lines)), atol=0.002)


@pytest.mark.parametrize(("axis", "by"), [(2, 1.011), (2, 0.99), (0, 1.012)])
def test_one_axis_of_another_length_is_stretched(
    store: ReflectionStore, symmetry: SymmetryTables, lines: Lines, axis: int, by: float
) -> None:
    """The pattern of a solid solution of rutile: a = b and c go ways of their own."""
    row = [*CRYSTALS].index("rutile")
    cell = store.cell.copy()
    cell[row, [0, 1] if axis == 0 else [axis]] *= by
    grown = replace(store, cell=cell)
    drawer = open_drawer("device", grown, symmetry, KEY, torch.device("cpu"))
    seen = Profile()(drawer.draw(np.array([row]), 5).pattern)
    whole = compared(seen, *tensors(lines, [[row]])).whole[0, 0]
    as_a_whole, along_axes = whole[0].item(), whole[1].item()
    assert along_axes > as_a_whole + 0.05
    own = compared(seen, *tensors(lines_of(grown, np.array([row])), [[0]])).whole[0, 0]
    assert along_axes > own[0].item() - 0.05


def test_equal_axes_are_stretched_together(store: ReflectionStore) -> None:
    for row in range(len(store)):
        one = lines_of(store, np.array([row]))
        shares = (one.share[one.strength > 0].astype(float) - NONE) / SHARES
        if store.space_group_number[row] >= 195:
            assert shares == pytest.approx(np.tile([1.0, 0, 0], (len(shares), 1)), abs=0.01)
        elif store.space_group_number[row] >= 75:
            assert shares.sum(axis=1) == pytest.approx(1, abs=0.02)
            assert not shares[:, 1].any()
            assert np.ptp(shares[:, 2]) > 0.5


def test_fewer_lines_than_there_is_room_for_are_no_lines(patterns: torch.Tensor) -> None:
    small = (np.zeros(shape, np.uint8) for shape in ((1, 40), (1, 40, 3), (1, 1)))
    none = Lines(np.zeros((1, 40), np.uint16), *small)
    comparison = compared(Profile()(patterns), *tensors(none, [[0]] * len(patterns)))
    assert all(torch.isfinite(value).all() for value in comparison)
    assert (comparison.whole[..., 0] == 0).all()
    assert (comparison.peaks[..., 1] > 0.99).all()


def queries(lines: Lines, patterns: torch.Tensor, count: int = 256) -> Queries:
    """Candidates in any order, equally like by their keys; the truth is the crystal's own row."""
    generator = torch.manual_seed(1)
    truth = torch.randint(0, len(lines), (count,), generator=generator)
    rows = torch.stack([torch.randperm(len(lines), generator=generator) for _ in truth])
    comparison = compared(Profile()(patterns[truth]), *tensors(lines, rows.tolist()))
    return Queries(
        torch.zeros(count, 2, 230),
        torch.full(rows.shape, 0.9),
        rows,
        torch.zeros(rows.shape, dtype=torch.uint8),
        rows == truth[:, None],
        comparison.map(torch.Tensor.half),
        truth,
    )


def test_a_judge_learns_to_believe_what_explains_the_pattern(
    lines: Lines, patterns: torch.Tensor
) -> None:
    given = queries(lines, patterns)
    losses: list[float] = []
    judge = fit_judge(given, epochs=15, progress=losses.append)
    verdict = judged(judge, given.take(slice(None)))
    assert (verdict.group.argmax(dim=1) == given.group).float().mean() > 0.95
    assert losses[-1] < losses[0]
    assert torch.allclose(verdict.group.sum(dim=1), torch.ones(len(given)), atol=1e-4)
    assert torch.allclose(verdict.share.sum(dim=1), torch.ones(len(given)), atol=1e-4)


def test_a_judge_learns_that_computed_crystals_are_rarer(
    lines: Lines, patterns: torch.Tensor
) -> None:
    """Two candidates with the same lines: one was measured, nine patterns of ten are of it."""
    generator = torch.manual_seed(3)
    crystal = torch.randint(0, len(lines), (256,), generator=generator)
    comparison = compared(
        Profile()(patterns[crystal]), *tensors(lines, torch.stack([crystal] * 2, dim=1).tolist())
    )
    computed = torch.randint(0, 2, (256,), generator=generator)
    theoretical = torch.stack([computed, 1 - computed], dim=1).to(torch.uint8)
    is_measured = torch.rand(256, generator=generator) < 0.9
    truth = torch.where(is_measured, computed, 1 - computed)
    group = torch.tensor([[10, 20]]).expand(256, 2)
    given = Queries(
        torch.zeros(256, 1, 230),
        torch.full((256, 2), 0.9),
        group,
        theoretical,
        torch.stack([truth == 0, truth == 1], dim=1),
        comparison.map(torch.Tensor.half),
        group.gather(1, truth[:, None])[:, 0],
    )
    verdict = judged(fit_judge(given, epochs=150), given.take(slice(None)))
    of_measured = verdict.share.gather(1, computed[:, None])
    assert of_measured.mean() == pytest.approx(0.9, abs=0.05)


def test_a_judge_learns_how_often_groups_occur(lines: Lines, patterns: torch.Tensor) -> None:
    """A network that says nothing, candidates that are wrong: three patterns of four are of 61."""
    generator = torch.manual_seed(4)
    given = queries(lines, patterns)
    group = torch.where(torch.rand(len(given), generator=generator) < 0.75, 61, 62)
    given = replace(given, group=group, itself=torch.zeros_like(given.itself))
    judge = fit_judge(given, epochs=60)
    assert judge.bias[61] > judge.bias[62] > judge.bias[100]


@pytest.mark.parametrize("larger", [0.985, 1.0, 1.012])
def test_the_likeliest_have_the_patterns_strongest_lines(
    lines: Lines, patterns: torch.Tensor, larger: float
) -> None:
    count = len(lines)
    place, strength, _ = tensors(lines, [[*range(count)]] * count)
    place = (place.float() + FINE * np.log(larger) / STEP).round()
    alike = torch.full((count, count), 0.5)
    chosen = likeliest(Profile()(patterns), alike, place, strength, 2)
    assert chosen.shape == (count, 2)
    assert (chosen[:, 0] == torch.arange(count)).all()
    # A key that is more alike by more than lines can make up for.
    alike[:, 3] = 1.2
    assert (likeliest(Profile()(patterns), alike, place, strength, 1) == 3).all()


def member(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    options = {"features": 24, "channels": [8], "kernels": [3], "depths": [1], "points": POINTS}
    return build({"kind": "compact", **options, "heads": {"keys": WIDTH}}).eval()


def memory(count: int) -> Memory:
    """Of joint keys."""
    return of_keys(count, 1, 2 * WIDTH)


def some_lines(count: int) -> Lines:
    generator = np.random.default_rng(2)
    return Lines(
        generator.integers(0, (POINTS + 2 * MARGIN) * FINE, (count, 12)).astype(np.uint16),
        -np.sort(-generator.integers(1, 256, (count, 12))).astype(np.uint8),
        generator.integers(0, 256, (count, 12, 3)).astype(np.uint8),
        generator.integers(0, 2, (count, 1)).astype(np.uint8),
    )


def whole(count: int = 700, candidates: int = 16, pool: int = 40) -> WithMatching:
    torch.manual_seed(5)
    judge = Judge(JudgeOptions(members=2))
    network = JointNetwork([member(1), member(2)])
    neighbours = Neighbours(memory(count), pool)
    return WithMatching(network, neighbours, some_lines(count), judge, candidates).eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    calibration = Calibration(lattice_std=(0.1,) * 6, domain_mean=np.zeros(24, np.float32))
    graph = DeployedEnsemble([rounded_to_half(whole())], calibration, (1.0,) * 6)
    given = torch.rand(5, 8192, generator=torch.manual_seed(2))
    path = tmp_path_factory.mktemp("matching") / "net.onnx"
    assert export_onnx(graph, path, given) <= 1e-5
    return path, given


def answers(model: onnx.ModelProto, given: torch.Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(["space_group", "lattice"], {"pattern": given.numpy()})
    return [np.asarray(value) for value in found]


def test_one_graph_equals_the_parts(exported: tuple[Path, torch.Tensor]) -> None:
    path, given = exported
    group, lattice = answers(onnx.load(path), given)
    assert np.allclose(group.sum(axis=1), 1, atol=1e-3)
    alone, cell = answers(onnx.load(path), given[3:4])
    # What a pattern is answered does not depend on its company.
    assert np.allclose(group[3], alone[0], atol=1e-6)
    assert np.allclose(lattice[3], cell[0], atol=1e-3)


def test_networks_and_judge_see_one_axis(
    exported: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "as_it_runs.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(exported[0], options)

    graph = onnx.load(tmp_path / "as_it_runs.onnx").graph
    less_lowest = {n.output[0] for n in graph.node if n.op_type == "Sub" and "pattern" in n.input}
    scaled = {n.output[0] for n in graph.node if n.op_type == "Div" and n.input[0] in less_lowest}
    taken = [n for n in graph.node if n.op_type == "GatherElements" and n.input[0] in scaled]
    assert len(taken) == 1


def test_lines_stay_with_their_crystals_in_cells(exported: tuple[Path, torch.Tensor]) -> None:
    path, given = exported
    model = onnx.load(path)
    in_cells = with_inverted_file(model, size=20, probes=len(range(0, 700, 20)) + 2, worth_it=0.5)
    assert in_cells is not model
    pairs = [(in_cells, model), (without_inverted_file(in_cells), model)]
    pairs.append((in_floats(in_cells), in_floats(model)))
    for changed, plain in pairs:
        for value, wanted in zip(answers(changed, given), answers(plain, given), strict=True):
            assert np.allclose(value, wanted, atol=1e-5)


def test_tensorrt_is_given_no_small_integers(exported: tuple[Path, torch.Tensor]) -> None:
    floats = in_floats(onnx.load(exported[0]))
    small = (onnx.TensorProto.UINT8, onnx.TensorProto.UINT16)
    assert not [t.name for t in floats.graph.initializer if t.data_type in small]


def test_crystals_are_put_back_with_their_lines(exported: tuple[Path, torch.Tensor]) -> None:
    path, given = exported
    held = GraphMemory(onnx.load(path))
    lines = some_lines(700)
    assert held.lines is not None
    assert (held.lines.place == lines.place).all()
    assert (held.lines.strength == lines.strength).all()
    assert (held.lines.share == lines.share).all()
    assert (held.lines.theoretical == lines.theoretical).all()
    rows = np.random.default_rng(3).permutation(700)
    mixed = held.holding(held.content.take(rows), held.lines.take(rows))
    for value, wanted in zip(answers(mixed, given), answers(onnx.load(path), given), strict=True):
        assert np.allclose(value, wanted, atol=1e-5)
    assert len((held.lines + held.lines.take(rows[:5])).place) == 705
    for missing in (None, held.lines.take(rows[:5])):
        with pytest.raises(ValueError, match="lines of 700 crystals"):
            held.holding(held.content, missing)


def test_a_folder_keeps_every_number(tmp_path: Path) -> None:
    network = whole()
    runs = [tmp_path / "one", tmp_path / "two"]
    for run in runs:
        run.mkdir()
    kept = Matching(memory(700), some_lines(700), network.judge, 16, 40)
    save_matching(kept, runs, tmp_path / "both", {"seed": 0})
    assert members_of(tmp_path / "both") == runs
    again = load_matching(tmp_path / "both", [member(1), member(2)])
    given = torch.rand(3, 8192)
    with torch.no_grad():
        for a, b in zip(network(given), again(given), strict=True):
            assert (a is None and b is None) or torch.equal(a, b)
    runs[1].rmdir()
    with pytest.raises(FileNotFoundError, match="two is gone"):
        members_of(tmp_path / "both")


def test_members_without_keys_are_refused() -> None:
    bare = build({"kind": "compact", "points": 512, "channels": [8], "kernels": [3], "depths": [1]})
    with pytest.raises(ValueError, match=r"heads\.keys"):
        JointNetwork([bare.eval()]).answers(torch.rand(1, 8192))


def test_members_of_other_widths_are_refused_at_once() -> None:
    shape = {"points": 512, "channels": [8], "kernels": [3], "depths": [1]}
    wide = build({"kind": "compact", "features": 32, **shape, "heads": {"keys": WIDTH}})
    with pytest.raises(ValueError, match=r"\[24, 32\] numbers"):
        JointNetwork([member(1), wide.eval()])(torch.rand(1, 8192))


def test_features_can_be_halved() -> None:
    halved = Comparison(*(torch.ones(1) for _ in range(4))).map(torch.Tensor.half)
    assert all(value.dtype == torch.float16 for value in halved)


def test_from_runs_to_one_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: two runs, their memory and judge, and what `export` makes of the folder."""
    data = ("--data", folder / "pack.npz")
    config = CONFIG.format(features=16, top="").replace(
        "[network.heads]", "[network.heads]\nkeys = 8"
    )
    for seed in (3, 4):
        (folder / "one.toml").write_text(config.replace("seed = 3", f"seed = {seed}"), "utf-8")
        run = folder / f"run{seed}"
        invoke(folder, "train", folder / "one.toml", "--output", run, "--max-steps", 4, *data)
    runs = (folder / "run3", folder / "run4")
    small = ("--candidates", 3, "--patterns", 64, "--epochs", 1, "--views", 1)
    invoke(folder, "match", *runs, "--output", folder / "both", *small, *data)
    record = json.loads((folder / "both" / "matching.json").read_text())
    assert {Path(name).name for name in record["members"]} == {"run3", "run4"}
    assert 0 <= record["record"]["space_group"]["known"]["judged"] <= 1
    # What is remembered is kept.
    (folder / "both" / "matching.json").unlink()
    monkeypatch.delattr("training.matching._remembered.remember")
    invoke(folder, "match", *runs, "--output", folder / "both", *small, *data)
    # What each network alone remembers is kept as well, as long as its weights are the same.
    invoke(folder, "match", runs[0], "--output", folder / "alone", *small, *data)
    alone, both = (Memory.load(folder / name / "memory.npz") for name in ("alone", "both"))
    assert alone.keys.shape[1] == 8
    assert both.keys.shape[1] == 16
    assert both.identifier[0] == alone.identifier[0]
    direction = both.keys[0, :8] / np.linalg.norm(both.keys[0, :8].astype(float))
    assert direction == pytest.approx(
        alone.keys[0] / np.linalg.norm(alone.keys[0].astype(float)), abs=0.02
    )
    (run,) = (folder / "run3").glob("keys-*.npz")
    run.rename(folder / "run3" / "keys-0123456789ab.npz")
    arguments = [
        "match",
        str(runs[0]),
        "--output",
        str(folder / "again"),
        *map(str, (*small, *data)),
    ]
    with pytest.raises(NameError, match="remember"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    reverse = invoke(
        folder, "match", *runs[::-1], "--output", folder / "both", *small, *data, code=2
    )
    assert "other networks or other crystals" in " ".join(reverse.output.split())
    path = folder / "net.onnx"
    invoke(folder, "export", folder / "both", "--output", path, "--patterns", 8, *data)
    card = ModelCard.read(path)
    assert card.lattice_std is None
    assert "known_simulated" in card.metrics


def test_a_network_is_split_into_pieces(folder: Path) -> None:
    path = make_tiny_model(folder)
    invoke(folder, "split", path, "--output", folder / "shipped" / "net.onnx")
    assert network_bytes(folder / "shipped" / "net.onnx") == path.read_bytes()
    assert ModelCard.read(folder / "shipped" / "net.onnx").name == "tiny"
    result = invoke(folder, "split", path, "--output", path, code=2)
    assert "pieces would not be read" in result.output
    invoke(folder, "split", folder / "none.onnx", "--output", path, code=2)


def test_what_is_no_run_is_refused(folder: Path) -> None:
    arguments = ["match", str(folder), "--output", str(folder / "x")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, FileNotFoundError)
