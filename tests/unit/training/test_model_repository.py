from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf import text_format
from onnx import TensorProto, helper, numpy_helper
from tritonclient.grpc import model_config_pb2

from alphadiffract_stream.engines import embedded_model, golden_pattern
from alphadiffract_stream.prediction import SIGNATURE, ModelCard, Outputs, network_bytes
from tests.support import make_tiny_model
from training.serving import (
    OnnxOnCpu,
    Signature,
    TensorRtPlan,
    half_precision,
    in_floats,
    write_repository,
)

ROOT = Path(__file__).resolve().parents[3]
MODELS = ("alphadiffract", "alphadiffract_cpu")


def parsed(folder: Path):
    text = (folder / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    write_repository(folder, embedded_model())
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_the_configuration_is_the_networks(repository, name):
    config = parsed(repository / name)
    session = onnxruntime.InferenceSession(network_bytes(embedded_model()))
    types = {"tensor(float)": model_config_pb2.TYPE_FP32}

    def tensors(values):
        return {v.name: (types[v.type], list(v.shape[1:])) for v in values}

    def configured(values):
        return {v.name: (v.data_type, list(v.dims)) for v in values}

    assert config.name == name
    assert configured(config.input) == tensors(session.get_inputs())
    assert configured(config.output) == tensors(session.get_outputs())
    assert config.max_batch_size > 1
    assert config.HasField("dynamic_batching")
    assert not config.dynamic_batching.priority_levels, "they stall the Python backend"
    assert not config.dynamic_batching.HasField("default_queue_policy")
    card = ModelCard.model_validate_json(config.parameters["card"].string_value)
    shipped = ModelCard.read(embedded_model())
    assert card.model_copy(update={"golden": None}) == shipped.model_copy(update={"golden": None})
    assert (card.golden == shipped.golden) == (name == "alphadiffract_cpu"), "a plan is of floats"
    for warm_up in config.model_warmup:
        assert warm_up.batch_size <= config.max_batch_size
        assert list(warm_up.inputs["pattern"].dims) == [8192]


@pytest.mark.parametrize("name", MODELS)
def test_every_value_has_its_label(repository, name):
    config = parsed(repository / name)
    labelled = {o.name: o.label_filename for o in config.output if o.label_filename}
    assert set(labelled) == {"crystal_system", "space_group"}
    for output, file in labelled.items():
        lines = (repository / name / file).read_text(encoding="utf-8").splitlines()
        assert len(lines) == SIGNATURE[output]
    groups = (repository / name / labelled["space_group"]).read_text().splitlines()
    assert groups[61].startswith("62 P n m a")
    assert (repository / name / labelled["crystal_system"]).read_text().split()[0] == "triclinic"


def test_the_plan_has_an_instance_for_each_profile_and_a_graph_for_one_pattern(repository):
    config = parsed(repository / "alphadiffract")
    assert config.platform == "tensorrt_plan"
    assert list(config.instance_group[0].profile) == ["0", "1"]
    assert [spec.batch_size for spec in config.optimization.cuda.graph_spec] == [1]
    assert {warm_up.batch_size for warm_up in config.model_warmup} == {1, 256}


def test_other_versions_and_plans_stay(tmp_path):
    network = make_tiny_model(tmp_path)
    write_repository(tmp_path / "models", network)
    plan = tmp_path / "models/alphadiffract/1/model.plan"
    plan.write_bytes(b"a plan")
    write_repository(tmp_path / "models", network, [TensorRtPlan(), OnnxOnCpu(threads=3)], 2)
    assert plan.read_bytes() == b"a plan"
    for version in ("1", "2"):
        assert (tmp_path / "models/alphadiffract_cpu" / version / "model.onnx").is_file()
    config = parsed(tmp_path / "models/alphadiffract_cpu")
    assert config.parameters["threads"].string_value == "3"


def test_a_network_that_cannot_be_batched_is_refused(tmp_path):
    path = make_tiny_model(tmp_path)
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, path)
    with pytest.raises(ValueError, match="pattern: the first dimension"):
        Signature.of(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    onnx.save(model, path)
    with pytest.raises(ValueError, match="pattern: element type"):
        Signature.of(path)


@pytest.mark.parametrize("name", MODELS)
def test_the_repository_in_git_is_the_one_that_is_written(repository, name):
    """All but the card, which changes with every training; plan and network are not kept."""
    kept, written = parsed(ROOT / "triton_models" / name), parsed(repository / name)
    for config in (kept, written):
        del config.parameters["card"]
    again = "run python -m training triton triton_models"
    assert kept == written, again
    for path in repository.joinpath(name).rglob("*"):
        if path.suffix in (".txt", ".py"):
            relative = path.relative_to(repository)
            assert (ROOT / "triton_models" / relative).read_text() == path.read_text(), again


def run(model: onnx.ModelProto, patterns: np.ndarray) -> Outputs:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values = session.run(list(Outputs.names()), {"pattern": patterns})
    return Outputs(*(np.asarray(value) for value in values))


def test_half_precision_keeps_the_answers_and_what_must_be_exact():
    model = in_floats(onnx.load_from_string(network_bytes(embedded_model())))
    halved = half_precision(model)
    produced = {name: n for n in halved.graph.node for name in n.output if n.op_type != "Cast"}
    half = [node.op_type for name, node in produced.items() if name.endswith("_half")]
    full = [node.op_type for name, node in produced.items() if not name.endswith("_half")]
    assert half.count("Conv") == sum(n.op_type == "Conv" for n in model.graph.node)
    assert not set(half) & {"Softmax", "LogSoftmax", "ReduceMean", "Pow", "Sqrt", "Exp"}
    assert "Gemm" in half
    assert "Gemm" in full, "the last linear layer of each head stays FP32"
    wide = [t.name for t in halved.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    sizes = {t.name: int(np.prod(t.dims)) for t in halved.graph.initializer}
    (keys,) = [name for name in wide if sizes[name] > 50_000]
    assert "keys" in keys, "large weights take two bytes a number; a key's scores reach a million"
    # Measured counts beyond what FP16 holds: the graph scales before it halves.
    patterns = np.concatenate([golden_pattern(), golden_pattern() * 1e6])
    got, expected = run(halved, patterns), run(model, patterns)
    np.testing.assert_allclose(got.crystal_system, expected.crystal_system, atol=2e-3)
    np.testing.assert_allclose(got.space_group, expected.space_group, atol=2e-3)
    np.testing.assert_allclose(got.lattice, expected.lattice, rtol=2e-3)
    assert np.abs(got.space_group - expected.space_group).max() > 0, "something was rounded"


def test_a_weight_fp16_cannot_hold_is_named():
    weights = numpy_helper.from_array(np.full((4, 4), 1e6, np.float32), "huge")
    last = numpy_helper.from_array(np.ones((4, 4), np.float32), "last")
    nodes = [
        helper.make_node("MatMul", ["x", "huge"], ["y"]),
        helper.make_node("MatMul", ["y", "last"], ["z"]),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 4]) for n in "xz"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights, last])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(ValueError, match=r"huge: FP16 cannot hold 1e\+06"):
        half_precision(model)
