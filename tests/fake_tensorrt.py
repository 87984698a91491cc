"""Modules shaped after TensorRT 10/11 and the CUDA runtime, for tests without a GPU.

A "plan" is the ONNX file it was built from and is run by ONNX Runtime; "device memory" is memory of
this process. So the real code runs: addresses, sizes, copies, streams, graphs, profiles.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from enum import IntEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime

_MAGIC = b"fake plan\n"


class CudaError(IntEnum):
    cudaSuccess = 0  # noqa: N815
    cudaErrorInvalidValue = 1  # noqa: N815
    cudaErrorNoDevice = 100  # noqa: N815


class FakeCuda:
    """`cuda.bindings.runtime`, and what the tests look at."""

    def __init__(self) -> None:
        self.capability = (9, 0)
        self.devices = 1
        self.memory: dict[int, Any] = {}
        self.recording: list[Callable[[], None]] | None = None
        self.replays = 0
        self.streams = 0

    def do(self, work: Callable[[], None]) -> None:
        """What is put on a stream: done at once, or kept while recording."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def module(self) -> ModuleType:
        ok = CudaError.cudaSuccess
        runtime = ModuleType("cuda.bindings.runtime")

        def attribute(kind: str, device: int) -> tuple:
            if device >= self.devices:
                return (CudaError.cudaErrorNoDevice, None)
            return (ok, self.capability[kind == "minor"])

        def allocate(size: int) -> tuple:
            block = ctypes.create_string_buffer(size)
            self.memory[ctypes.addressof(block)] = block
            return (ok, ctypes.addressof(block))

        def free(address: int) -> tuple:
            return (ok if self.memory.pop(address, None) else CudaError.cudaErrorInvalidValue,)

        def copy(to: int, source: int, size: int, kind: str, stream: int) -> tuple:
            for address in (to, source):
                if size > len(self.memory[address]):
                    return (CudaError.cudaErrorInvalidValue,)
            self.do(lambda: ctypes.memmove(to, source, size))
            return (ok,)

        def create(flags: int) -> tuple:
            self.streams += 1
            return (ok, 1000 + self.streams)

        def destroy(stream: int) -> tuple:
            self.streams -= 1
            return (ok,)

        def begin(stream: int, mode: str) -> tuple:
            self.recording = []
            return (ok,)

        def end(stream: int) -> tuple:
            graph, self.recording = self.recording, None
            return (ok, graph)

        def launch(graph: list, stream: int) -> tuple:
            self.replays += 1
            for work in graph:
                work()
            return (ok,)

        vars(runtime).update(
            cudaError_t=CudaError,
            cudaGetErrorString=lambda status: (ok, CudaError(status).name.encode()),
            cudaDeviceAttr=SimpleNamespace(
                cudaDevAttrComputeCapabilityMajor="major", cudaDevAttrComputeCapabilityMinor="minor"
            ),
            cudaDeviceGetAttribute=attribute,
            cudaSetDevice=lambda device: (
                ok if device < self.devices else CudaError.cudaErrorNoDevice,
            ),
            cudaStreamNonBlocking=1,
            cudaStreamCreateWithFlags=create,
            cudaStreamSynchronize=lambda stream: (ok,),
            cudaStreamDestroy=destroy,
            cudaStreamCaptureMode=SimpleNamespace(cudaStreamCaptureModeThreadLocal="local"),
            cudaStreamBeginCapture=begin,
            cudaStreamEndCapture=end,
            cudaGraphInstantiate=lambda graph, flags: (ok, graph),
            cudaGraphDestroy=lambda graph: (ok,),
            cudaGraphExecDestroy=lambda graph: (ok,),
            cudaGraphLaunch=launch,
            cudaMalloc=allocate,
            cudaMallocHost=allocate,
            cudaFree=free,
            cudaFreeHost=free,
            cudaMemcpyKind=SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2),
            cudaMemcpyAsync=copy,
        )
        return runtime


class FakeTensorrt:
    """`tensorrt`, and what the tests look at and turn."""

    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.builds = 0
        self.flags: list[int] = []
        self.cleared: list[str] = []
        self.timing_caches: list[bytes] = []
        self.spoil: Callable[[onnx.ModelProto], None] = lambda model: None
        """What a faulty builder does to the network."""

    def module(self) -> ModuleType:
        fake = self
        trt = ModuleType("tensorrt")

        class Logger:
            WARNING = 2

            def __init__(self, severity: int) -> None: ...

        class Builder:
            def __init__(self, logger: Logger) -> None: ...

            def create_network(self, flags: int) -> SimpleNamespace:
                fake.flags.append(flags)
                return SimpleNamespace(model=b"")

            def create_builder_config(self) -> Config:
                return Config()

            def create_optimization_profile(self) -> Profile:
                return Profile()

            def build_serialized_network(self, network: Any, config: Config) -> bytes | None:
                fake.builds += 1
                model = onnx.load_model_from_string(network.model)
                fake.spoil(model)
                shapes = [profile.shapes for profile in config.profiles]
                return _MAGIC + json.dumps(shapes).encode() + b"\n" + model.SerializeToString()

        class Profile:
            def set_shape(self, name: str, smallest: Any, best: Any, largest: Any) -> None:
                assert smallest <= best <= largest
                self.shapes = [list(smallest), list(best), list(largest)]

        class Cache:
            def serialize(self) -> bytes:
                return b"timings"

        class Config:
            builder_optimization_level = 0

            def __init__(self) -> None:
                self.profiles: list[Profile] = []

            def set_memory_pool_limit(self, pool: str, size: int) -> None: ...

            def clear_flag(self, flag: str) -> None:
                fake.cleared.append(flag)

            def add_optimization_profile(self, profile: Profile) -> int:
                self.profiles.append(profile)
                return len(self.profiles) - 1

            def create_timing_cache(self, data: bytes) -> Cache:
                fake.timing_caches.append(data)
                return Cache()

            def set_timing_cache(self, cache: Cache, ignore_mismatch: bool) -> bool:
                self.cache = cache
                return True

            def get_timing_cache(self) -> Cache:
                return self.cache

        class OnnxParser:
            def __init__(self, network: Any, logger: Logger) -> None:
                self._network = network
                self.num_errors = 0

            def parse(self, model: bytes) -> bool:
                self._network.model = model
                self.num_errors = int(b"unreadable" in model)
                return not self.num_errors

            def get_error(self, number: int) -> Any:
                return SimpleNamespace(desc=lambda: "Unsupported operator")

        class Runtime:
            def __init__(self, logger: Logger) -> None: ...

            def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
                return Engine(plan) if plan.startswith(_MAGIC) else None

        class Engine:
            def __init__(self, plan: bytes) -> None:
                shapes, model = plan[len(_MAGIC) :].split(b"\n", 1)
                self._profiles = json.loads(shapes)
                self.session = onnxruntime.InferenceSession(
                    model, providers=["CPUExecutionProvider"]
                )
                self.inputs = self.session.get_inputs()
                self._tensors = [*self.inputs, *self.session.get_outputs()]
                self.num_io_tensors = len(self._tensors)
                self.num_optimization_profiles = len(self._profiles)

            def get_tensor_name(self, number: int) -> str:
                return self._tensors[number].name

            def get_tensor_dtype(self, name: str) -> str:
                return trt.DataType.FLOAT

            def get_tensor_shape(self, name: str) -> list[int]:
                tensor = next(t for t in self._tensors if t.name == name)
                return [size if isinstance(size, int) else -1 for size in tensor.shape]

            def get_tensor_profile_shape(self, name: str, profile: int) -> list:
                return self._profiles[profile]

            def create_execution_context(self) -> Context:
                return Context(self)

        class Context:
            def __init__(self, engine: Engine) -> None:
                self._engine = engine
                self._addresses: dict[str, int] = {}
                self._shape: tuple[int, ...] = ()

            def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
                self._limits = self._engine.get_tensor_profile_shape("", profile)
                return True

            def set_tensor_address(self, name: str, address: int) -> bool:
                self._addresses[name] = address
                return address in fake.cuda.memory

            def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
                self._shape = shape
                return self._limits[0][0] <= shape[0] <= self._limits[2][0]

            def execute_async_v3(self, stream: int) -> bool:
                shape = self._shape
                fake.cuda.do(lambda: self._run(shape))
                return True

            def _run(self, shape: tuple[int, ...]) -> None:
                session = self._engine.session
                sent = _view(self._addresses["pattern"], shape).copy()
                outputs = [t.name for t in session.get_outputs()]
                for name, value in zip(
                    outputs, session.run(outputs, {"pattern": sent}), strict=True
                ):
                    assert isinstance(value, np.ndarray)
                    _view(self._addresses[name], value.shape)[:] = value

        vars(trt).update(
            __version__="11.4.0",
            Logger=Logger,
            Builder=Builder,
            OnnxParser=OnnxParser,
            Runtime=Runtime,
            NetworkDefinitionCreationFlag=SimpleNamespace(STRONGLY_TYPED=1),
            MemoryPoolType=SimpleNamespace(WORKSPACE="workspace"),
            BuilderFlag=SimpleNamespace(TF32="TF32"),
            DataType=SimpleNamespace(FLOAT="FLOAT"),
        )
        return trt


def _view(address: int, shape: tuple[int, ...]) -> np.ndarray:
    pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(pointer, shape)
