from __future__ import annotations

import asyncio
import hashlib
import json
import threading

import numpy as np
import onnx
import pytest

from alphadiffract_stream.engines import Engine, check_golden, golden_pattern, open_engine
from alphadiffract_stream.engines._onnx import OnnxEngine
from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.prediction import write_pieces
from tests.support import EMBEDDING, make_tiny_model

RNG = np.random.default_rng(3)


@pytest.fixture
async def engine(tmp_path):
    engine = open_engine(f"onnx:{make_tiny_model(tmp_path)}")
    yield engine
    await engine.close()


def patterns(n: int) -> np.ndarray:
    return RNG.random((n, 8192), dtype=np.float32) ** 8


def test_is_an_engine_and_knows_its_card(engine):
    assert isinstance(engine, Engine)
    assert engine.name == "onnx"
    assert engine.card.name == "tiny"
    engine.warm_up()


def test_each_row_is_the_answer_to_its_own_pattern(engine):
    batch = patterns(5)
    together = engine.run(batch)
    assert together.embedding.shape == (5, EMBEDDING)
    np.testing.assert_allclose(together.space_group.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(together.crystal_system, axis=0).max() > 1e-3, "outputs depend on the pattern"
    for row in range(5):
        alone = engine.run(batch[row : row + 1])
        np.testing.assert_allclose(alone.space_group[0], together.space_group[row], rtol=1e-4)


def test_the_graph_scales(engine):
    batch = patterns(2)
    np.testing.assert_allclose(
        engine.run(batch).lattice, engine.run(batch * 1e6).lattice, rtol=1e-4
    )


async def test_infer_leaves_the_event_loop_free(engine):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    outputs = await engine.infer(patterns(8))
    ticking.cancel()
    assert len(outputs) == 8
    assert ticks > 1


class Meeting(OnnxEngine):
    """Calls wait for one another: for `together` of them to be under way at once."""

    together = threading.Barrier(1)

    def run(self, patterns):
        self.together.wait(5)
        return super().run(patterns)


@pytest.mark.parametrize(
    ("sizes", "at_once"),
    [((8, 8), 2), ((1, 8), 2), ((1, 1), 1), ((8, 7), 1)],
    ids=["a backlog", "a backlog behind one", "ones", "few behind a backlog"],
)
async def test_a_second_call_is_made_beside_the_first_for_a_backlog_alone(tmp_path, sizes, at_once):
    engine = Meeting(make_tiny_model(tmp_path), lanes=2)
    engine.together = threading.Barrier(at_once)
    try:
        found = await asyncio.gather(*(engine.infer(patterns(n)) for n in sizes))
    finally:
        await engine.close()
    assert [len(outputs) for outputs in found] == list(sizes)


async def test_warming_up_takes_what_a_backlog_will(tmp_path):
    class Largest(Meeting):
        def run(self, patterns):
            return super().run(patterns) if len(patterns) == 4 else OnnxEngine.run(self, patterns)

    engine = Largest(make_tiny_model(tmp_path), max_batch=4, lanes=2)
    engine.together = threading.Barrier(2)
    engine.warm_up()
    await engine.close()


async def test_one_lane_takes_a_backlog_in_turns(tmp_path):
    engine = Meeting(make_tiny_model(tmp_path), lanes=1)
    engine.together = threading.Barrier(2)
    first, second = (asyncio.ensure_future(engine.infer(patterns(8))) for _ in range(2))
    await asyncio.sleep(0.2)
    assert engine.together.n_waiting == 1
    engine.together.abort()
    for call in (first, second):
        with pytest.raises(threading.BrokenBarrierError):
            await call
    await engine.close()


async def test_a_closed_engine_says_so(tmp_path):
    engine = open_engine(f"onnx:{make_tiny_model(tmp_path)}")
    await engine.close()
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await engine.infer(patterns(1))
    with pytest.raises(EngineError, match="closed"):
        engine.run(patterns(1))


@pytest.mark.parametrize("shape", [(8192,), (1, 4096), (0, 8192), (33, 8192)])
def test_a_batch_of_the_wrong_shape_is_refused(engine, shape):
    with pytest.raises(EngineError, match="batch of"):
        engine.run(np.zeros(shape, np.float32))


def test_a_changed_model_is_refused_naming_both_hashes(tmp_path):
    path = make_tiny_model(tmp_path)
    before = json.loads(path.with_suffix(".json").read_text())["sha256"]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(EngineError, match=f"sha256 is [0-9a-f]{{64}}, its card says {before}"):
        open_engine(f"onnx:{path}")


def test_the_hash_is_checked_before_the_runtime_reads_the_model(tmp_path):
    path = make_tiny_model(tmp_path)
    path.write_bytes(b"not a model")
    with pytest.raises(EngineError, match="sha256"):
        open_engine(f"onnx:{path}")


def test_weights_in_a_file_the_hash_does_not_cover_are_refused(tmp_path):
    path = make_tiny_model(tmp_path)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=100)
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))

    with pytest.raises(EngineError, match="weights lie in another file"):
        open_engine(f"onnx:{path}")


def test_a_model_with_its_hash_that_is_no_onnx_is_refused(tmp_path):
    path = make_tiny_model(tmp_path)
    path.write_bytes(b"not a model")
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(b"not a model").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(EngineError, match="cannot load"):
        open_engine(f"onnx:{path}")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"widths": {"crystal_system": 6}}, "crystal_system"),
        ({"widths": {"space_group": 231}}, "space_group"),
        ({"leave_out": "lattice_std"}, "no output .*lattice_std"),
        ({"card": {"embedding_width": 3}}, "embedding"),
        ({"card": {"domain": {"mean": [0.0], "std": [1.0], "threshold": 1.0}}}, "domain"),
    ],
)
def test_another_signature_is_refused(tmp_path, made, words):
    path = make_tiny_model(tmp_path, **made)
    with pytest.raises(EngineError, match=words):
        open_engine(f"onnx:{path}")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(EngineError, match="no such model"):
        open_engine(f"onnx:{tmp_path / 'absent.onnx'}")
    path = make_tiny_model(tmp_path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(EngineError, match="unusable model card"):
        open_engine(f"onnx:{path}")
    path.with_suffix(".json").unlink()
    with pytest.raises(EngineError, match="no model card"):
        open_engine(f"onnx:{path}")


def test_a_network_in_pieces_is_one_network(tmp_path):
    path = make_tiny_model(tmp_path)
    write_pieces(path, path.read_bytes(), 5000)
    path.unlink()
    open_engine(f"onnx:{path}").warm_up()
    path.with_name(f"{path.name}.1").unlink()
    with pytest.raises(EngineError, match="sha256"):
        open_engine(f"onnx:{path}")


@pytest.mark.parametrize("query", ["threads=0", "threads=two", "speed=1"])
def test_options_that_make_no_sense(tmp_path, query):
    path = make_tiny_model(tmp_path)
    with pytest.raises(ConfigurationError, match=query.partition("=")[0]):
        open_engine(f"onnx:{path}?{query}")


def test_golden_inference_tells_a_wrong_engine(engine):
    outputs = engine.run(golden_pattern())
    right = engine.card.model_copy(update={"golden": outputs.crystal_system[0].tolist()})
    check_golden(outputs, right)
    wrong = engine.card.model_copy(update={"golden": outputs.crystal_system[0][::-1].tolist()})
    with pytest.raises(EngineError, match="off the card's"):
        check_golden(outputs, wrong)
    outputs.lattice[0, 2] = np.nan
    with pytest.raises(EngineError, match="lattice is not finite"):
        check_golden(outputs, right)
