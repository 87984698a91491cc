"""The models Triton serves, as objects: each knows its configuration and its files.

Configurations are Triton's own protobuf messages, so that a field it does not know cannot be set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ._signature import Signature

ModelConfig = Any
"""``tritonclient.grpc.model_config_pb2.ModelConfig``; protobuf makes it when it is imported."""
LABELS = {"crystal_system": "crystal_systems.txt", "space_group": "space_groups.txt"}
"""Output → file with a name for each of its values, for clients that ask for classes."""


class ServedModel(Protocol):
    """A folder of the model repository."""

    @property
    def name(self) -> str:
        """Of the model and its folder."""
        ...

    in_floats: ClassVar[bool]
    """Whether a network with eight-bit parts is served without them."""

    def config(self, signature: Signature) -> ModelConfig:
        """Its config.pbtxt, without what every model shares."""
        ...

    def files(self, network: Path) -> dict[str, Path]:
        """Path inside the version's folder → the file to copy there."""
        ...


@dataclass(frozen=True, slots=True)
class TensorRtPlan:
    """A TensorRT plan on the GPU; the plan is built where it runs (``build-engine``)."""

    name: str = "alphadiffract"
    max_batch: int = 256
    instances: int = 2
    """Contexts on each GPU: one computes while the other's data travel."""
    profiles: int = 2
    """Optimisation profiles in the plan, each of which an instance may use."""
    plan: ClassVar[str] = "model.plan"
    in_floats: ClassVar[bool] = True

    def config(self, signature: Signature) -> ModelConfig:
        """Dynamic batches, a CUDA graph for the batch of one, warm-up of both ends."""
        message = _base(self.name, signature, self.max_batch)
        message.platform = "tensorrt_plan"
        message.default_model_filename = self.plan
        group = message.instance_group.add()
        group.kind = group.KIND_GPU
        group.count = self.instances
        group.profile.extend(str(i) for i in range(self.profiles))
        message.dynamic_batching.SetInParent()
        cuda = message.optimization.cuda
        cuda.graphs = True
        spec = cuda.graph_spec.add()
        spec.batch_size = 1
        for tensor in signature.inputs:
            spec.input[tensor.name].dim.extend(tensor.shape)
        message.optimization.input_pinned_memory.enable = True
        message.optimization.output_pinned_memory.enable = True
        for batch in (1, self.max_batch):
            _warm_up(message, signature, batch)
        return message

    def files(self, network: Path) -> dict[str, Path]:
        """None: the plan belongs to one kind of GPU and is put there by ``build-engine``."""
        return {}


@dataclass(frozen=True, slots=True)
class OnnxOnCpu:
    """The same network by ONNX Runtime in Triton's Python backend, for machines without a GPU."""

    name: str = "alphadiffract_cpu"
    max_batch: int = 64
    instances: int = 1
    """Processes, each with its own copy of the network."""
    threads: int = 1
    """Of ONNX Runtime in each process."""
    in_floats: ClassVar[bool] = False

    def config(self, signature: Signature) -> ModelConfig:
        """Dynamic batches (without queue options, which make the Python backend stall)."""
        message = _base(self.name, signature, self.max_batch)
        message.backend = "python"
        message.default_model_filename = "model.py"
        group = message.instance_group.add()
        group.kind = group.KIND_CPU
        group.count = self.instances
        message.dynamic_batching.SetInParent()
        message.parameters["threads"].string_value = str(self.threads)
        _warm_up(message, signature, 1)
        return message

    def files(self, network: Path) -> dict[str, Path]:
        """The backend's Python file and the network."""
        return {
            "model.py": Path(__file__).with_name("_cpu_backend.py"),
            "model.onnx": network,
        }


def _base(name: str, signature: Signature, max_batch: int) -> ModelConfig:
    pb = _protobuf()
    message = pb.ModelConfig(name=name, max_batch_size=max_batch)
    message.version_policy.latest.num_versions = 1
    for tensor in signature.inputs:
        data_type = pb.DataType.Value(tensor.data_type)
        message.input.add(name=tensor.name, data_type=data_type, dims=tensor.shape)
    for tensor in signature.outputs:
        message.output.add(
            name=tensor.name,
            data_type=pb.DataType.Value(tensor.data_type),
            dims=tensor.shape,
            label_filename=LABELS.get(tensor.name, ""),
        )
    return message


def _warm_up(message: ModelConfig, signature: Signature, batch: int) -> None:
    sample = message.model_warmup.add(name=f"batch of {batch}", batch_size=batch, count=1)
    for tensor in signature.inputs:
        values = sample.inputs[tensor.name]
        values.data_type = _protobuf().DataType.Value(tensor.data_type)
        values.dims.extend(tensor.shape)
        values.random_data = True  # a constant pattern would be divided by its range of 0


def _protobuf() -> Any:
    from tritonclient.grpc import model_config_pb2

    return model_config_pb2
