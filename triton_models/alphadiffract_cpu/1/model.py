"""The network by ONNX Runtime in Triton's Python backend.

Copied into the model repository as ``model.py``. Runs in the server's own environment: of this
project it may import nothing.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils  # pyright: ignore[reportMissingImports]


class TritonPythonModel:
    """One instance: one process, one session."""

    def initialize(self, args):
        """Load the network. Raises where this server's arrays cannot be trusted."""
        _check_arrays()
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"]["threads"]["string_value"])
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        network = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session = onnxruntime.InferenceSession(
            str(network), options, providers=["CPUExecutionProvider"]
        )
        self._input = config["input"][0]["name"]
        self._outputs = [output["name"] for output in config["output"]]

    def execute(self, requests):
        """One run for all the requests Triton has put together."""
        patterns = [
            pb_utils.get_input_tensor_by_name(request, self._input).as_numpy()
            for request in requests
        ]
        try:
            together = patterns[0] if len(patterns) == 1 else np.concatenate(patterns)
            values = self._session.run(self._outputs, {self._input: together})
        except Exception as error:
            failed = pb_utils.TritonError(f"ONNX Runtime: {error}")
            return [pb_utils.InferenceResponse(error=failed) for _ in requests]
        responses = []
        first = 0
        for rows in map(len, patterns):
            responses.append(self._response(values, slice(first, first + rows)))
            first += rows
        return responses

    def _response(self, values, rows):
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor(name, np.ascontiguousarray(value[rows]))
                for name, value in zip(self._outputs, values, strict=True)
            ]
        )


def _check_arrays():
    """A backend built for numpy 1 reads numpy 2's arrays wrongly, and says nothing."""
    sent = np.arange(6, dtype=np.float32).reshape(2, 3)
    if not np.array_equal(pb_utils.Tensor("check", sent).as_numpy(), sent):
        raise pb_utils.TritonModelException(
            f"Triton's Python backend misreads arrays of numpy {np.__version__}; "
            "install numpy<2 in the environment of its models"
        )
