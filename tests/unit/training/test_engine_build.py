from __future__ import annotations

import asyncio
import json
import sys
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from alphadiffract_stream.engines import golden_pattern, open_engine
from alphadiffract_stream.errors import ConfigurationError, EngineError
from alphadiffract_stream.prediction import Outputs
from tests.fake_tensorrt import FakeCuda, FakeTensorrt
from tests.support import make_tiny_model
from training.commands import app
from training.serving import BuildOptions, build_engine

SMALL = BuildOptions(max_batch=16, best_batch=4)
RNG = np.random.default_rng(11)
PATTERNS = RNG.random((40, 8192), dtype=np.float32) ** 8


@pytest.fixture
def gpu(monkeypatch) -> FakeTensorrt:
    """A machine with a GPU, as far as the code can tell."""
    cuda = FakeCuda()
    fake = FakeTensorrt(cuda)
    bindings = ModuleType("cuda.bindings")
    bindings.runtime = cuda.module()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorrt", fake.module())
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", bindings.runtime)
    ours = "alphadiffract_stream.engines._tensorrt"
    before = {name for name in sys.modules if name.startswith(ours)}
    yield fake
    for name in [n for n in sys.modules if n.startswith(ours) and n not in before]:
        del sys.modules[name]
    assert not cuda.memory, "everything on the GPU was freed"
    assert cuda.streams == 0


@pytest.fixture
def network(tmp_path):
    return make_tiny_model(tmp_path)


def patterns() -> tuple[str, np.ndarray]:
    return "random", PATTERNS


def build(network, plan, **given) -> bool:
    return build_engine(network, plan, patterns, given.pop("options", SMALL), **given)


async def test_a_built_plan_answers_as_the_onnx_file(gpu, network, tmp_path):
    plan = tmp_path / "gpu" / "model.plan"
    assert await asyncio.to_thread(build, network, plan)
    engine, reference = open_engine(f"tensorrt:{plan}"), open_engine(f"onnx:{network}")
    engine.warm_up()
    assert (engine.name, engine.max_batch) == ("tensorrt", 16)
    before = gpu.cuda.replays
    for n in (1, 2, 16, 1, 5):
        got, expected = await engine.infer(PATTERNS[:n]), reference.run(PATTERNS[:n])
        for name in Outputs.names():
            np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=0.02)
    assert gpu.cuda.replays - before == 2, "batches of one are replayed, others are not"
    with pytest.raises(EngineError, match="at most 16"):
        engine.run(PATTERNS[:17])
    await engine.close()
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await engine.infer(PATTERNS[:1])
    await reference.close()


def test_the_sidecar_says_what_was_built_and_how_far_off_it_is(gpu, network, tmp_path):
    plan = tmp_path / "model.plan"
    build(network, plan)
    sidecar = json.loads((tmp_path / "model.plan.json").read_text())
    assert (sidecar["tensorrt"], sidecar["compute_capability"]) == ("11.4.0", "9.0")
    assert sidecar["onnx_sha256"] == json.loads(network.with_suffix(".json").read_text())["sha256"]
    assert sidecar["patterns"] == "random"
    assert sidecar["difference"]["patterns"] == 40
    assert 0 < sidecar["difference"]["probability"] < 0.02, "FP16 does differ, a little"
    assert gpu.flags == [1 << 1], "strongly typed"
    assert gpu.cleared == ["TF32"]
    assert (tmp_path / "model.timing").read_bytes() == b"timings"
    assert not list(tmp_path.glob("*trial*"))


def test_it_is_built_again_only_when_something_changed(gpu, network, tmp_path, monkeypatch):
    plan = tmp_path / "model.plan"
    assert build(network, plan)
    assert not build(network, plan)
    assert build(network, plan, force=True)
    assert gpu.timing_caches == [b"", b"timings"]
    assert build(network, plan, options=BuildOptions(max_batch=8, best_batch=4))
    gpu.cuda.capability = (10, 0)
    assert build(network, plan, options=BuildOptions(max_batch=8, best_batch=4))
    plan.write_bytes(plan.read_bytes() + b"\0")
    assert build(network, plan, options=BuildOptions(max_batch=8, best_batch=4))
    (tmp_path / "model.plan.json").write_text("{}")
    assert build(network, plan, options=BuildOptions(max_batch=8, best_batch=4))
    assert gpu.builds == 6


def test_a_plan_that_answers_otherwise_is_refused_and_the_old_one_kept(gpu, network, tmp_path):
    plan = tmp_path / "model.plan"
    build(network, plan)
    before = plan.read_bytes(), (tmp_path / "model.plan.json").read_bytes()

    def spoil(model: onnx.ModelProto) -> None:
        for weight in model.graph.initializer:
            if weight.name.startswith("w_system"):
                values = numpy_helper.to_array(weight)[:, ::-1].copy()
                weight.CopyFrom(numpy_helper.from_array(values, weight.name))

    gpu.spoil = spoil
    with pytest.raises(EngineError, match="refused, probability differs by"):
        build(network, plan, force=True)
    assert before == (plan.read_bytes(), (tmp_path / "model.plan.json").read_bytes())
    assert not list(tmp_path.glob("*trial*"))


def test_another_gpu_or_network_does_not_run_the_plan(gpu, network, tmp_path):
    plan = tmp_path / "model.plan"
    build(network, plan)
    gpu.cuda.capability = (8, 9)
    with pytest.raises(EngineError, match=r"compute_capability is 9\.0, here it is 8\.9.*build"):
        open_engine(f"tensorrt:{plan}")
    gpu.cuda.capability = (9, 0)
    with pytest.raises(EngineError, match="NoDevice"):
        open_engine(f"tensorrt:{plan}?device=3")
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(EngineError, match="onnx_sha256"):
        open_engine(f"tensorrt:{plan}")
    with pytest.raises(EngineError, match="no such plan"):
        open_engine(f"tensorrt:{tmp_path}/other.plan")
    with pytest.raises(ConfigurationError, match="known: device, graph"):
        open_engine(f"tensorrt:{plan}?threads=2")


def test_a_plan_that_was_changed_is_not_run(gpu, network, tmp_path):
    plan = tmp_path / "model.plan"
    build(network, plan)
    content = bytearray(plan.read_bytes())
    content[len(content) // 2] ^= 1
    plan.write_bytes(content)

    with pytest.raises(EngineError, match="plan_sha256"):
        open_engine(f"tensorrt:{plan}")


async def test_a_plan_of_one_profile_serves_batches_of_one(gpu, network, tmp_path):
    plan = tmp_path / "model.plan"
    single = BuildOptions(max_batch=1, precision="single")
    await asyncio.to_thread(build, network, plan, options=single)
    engine = open_engine(f"tensorrt:{plan}?graph=no")
    before = gpu.cuda.replays
    engine.warm_up()
    engine.run(golden_pattern())
    assert gpu.cuda.replays == before, "no graph was asked for"
    await engine.close()


def test_what_tensorrt_cannot_read_is_said_in_its_words(gpu, tmp_path):
    network = make_tiny_model(tmp_path, name="unreadable")
    with pytest.raises(EngineError, match="cannot read it: Unsupported operator"):
        build(network, tmp_path / "model.plan")


def test_the_command_writes_into_the_model_repository(gpu, network, tmp_path):
    command = ["build-engine", str(network), "--triton", str(tmp_path / "models")]
    command += ["--max-batch", "16"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "models/alphadiffract/1/model.plan").is_file()
    assert (tmp_path / "models/alphadiffract/config.pbtxt").is_file()
    again = CliRunner().invoke(app, command)
    assert "kept" in again.output


def test_without_tensorrt_it_says_what_to_install(network, tmp_path):
    if "tensorrt" in sys.modules:
        pytest.skip("TensorRT is installed here")
    done = CliRunner().invoke(app, ["build-engine", str(network), "--output", str(tmp_path / "x")])
    assert done.exit_code == 1
    assert "pip install 'alphadiffract-stream[tensorrt]'" in done.output


def test_a_real_gpu(network, tmp_path):
    """Runs where TensorRT and a GPU are."""
    pytest.importorskip("tensorrt", reason="TensorRT is not installed")
    pytest.importorskip("cuda.bindings.runtime", reason="CUDA's Python bindings are not installed")
    try:
        build(network, tmp_path / "model.plan")
    except EngineError as error:
        if "CUDA" in str(error):
            pytest.skip(str(error))
        raise
    engine = open_engine(f"tensorrt:{tmp_path / 'model.plan'}")
    engine.warm_up()
    asyncio.run(engine.close())
