"""Products of a quantised query with quantised keys: one operator in torch, two in ONNX."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LIMIT = 0.5
"""Of a component of a key of length 1 that is kept; beyond, it saturates."""
STEP = LIMIT / 127
"""Of the quantisation of keys: eight bits with their sign."""
QUERY_STEP = LIMIT / 63
"""Of a query: seven bits. Processors without VNNI (AVX2) add two products up in sixteen, which
saturate with eight, so that a crystal was likened to a pattern more on one processor than on
another."""


def quantised(keys: Tensor) -> Tensor:
    """(…, K) float → int8."""
    return (keys / STEP).round().clamp(-127, 127).to(torch.int8)


def quantised_query(query: Tensor) -> Tensor:
    """(…, K) float → whole numbers, as floats, in units of `QUERY_STEP`."""
    return (query.clamp(-LIMIT, LIMIT) / QUERY_STEP).round()


@torch.library.custom_op("alphadiffract::key_scores", mutates_args=())
def key_scores(query: Tensor, keys: Tensor) -> Tensor:
    """(N, K) float32 queries and (K, M) int8 keys → (N, M) int32, in `QUERY_STEP` · `STEP`."""
    # Sums of 64 products below 2¹³ are exact in float32.
    return (quantised_query(query) @ keys.float()).round().to(torch.int32)


@key_scores.register_fake
def _(query: Tensor, keys: Tensor) -> Tensor:
    return query.new_empty((query.shape[0], keys.shape[1]), dtype=torch.int32)


def onnx_translations() -> dict[Any, Any]:
    """For ``torch.onnx.export(custom_translation_table=…)``: standard operators."""
    from onnxscript import opset18

    op: Any = opset18
    uint8 = 2

    def scores(query: Any, keys: Any) -> Any:
        step = op.Constant(value_float=QUERY_STEP)
        low, high = op.Constant(value_float=-LIMIT), op.Constant(value_float=LIMIT)
        # Unsigned with a zero point: the form processors have instructions for.
        middle = op.Cast(op.Constant(value_int=64), to=uint8)
        whole = op.QuantizeLinear(op.Clip(query, low, high), step, middle)
        return op.MatMulInteger(whole, keys, middle)

    return {torch.ops.alphadiffract.key_scores.default: scores}
