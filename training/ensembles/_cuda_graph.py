"""An ensemble on a CUDA card without launching its kernels one by one.

A network of small layers waits for the processor that launches them. A CUDA graph is captured once
a batch size and replayed in one launch; batches of other sizes are filled up to the next captured
one, larger ones go in parts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Answer = tuple[Tensor, ...]
Program = Callable[[Tensor], Answer]
"""(size, …) → tensors whose first axis is the size; they may be overwritten by the next call."""
Capture = Callable[[nn.Module, Tensor], Program]

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `first` … `last` of a request, run by the program for `size` patterns."""

    first: int
    last: int
    size: int


def parts_of(count: int, sizes: Sequence[int]) -> Iterator[Part]:
    """How `count` patterns are run by programs of `sizes` (rising): the fewest calls."""
    first = 0
    while first < count:
        size = sizes[min(bisect_left(sizes, count - first), len(sizes) - 1)]
        last = min(first + size, count)
        yield Part(first, last, size)
        first = last


class GraphRunner:
    """A module run by captured graphs: (N, 8192) float32 in, its tensors (N, …) out.

    The module returns a tuple of tensors whose first axis is the pattern's. Each size is captured
    when first wanted (or by `capture_all`). Not for several threads at once: graphs share memory.
    """

    def __init__(
        self, module: nn.Module, sizes: Sequence[int] = SIZES, capture: Capture | None = None
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(f"sizes: {sizes!r} are not positive batch sizes")
        self._module = module.eval()
        self._sizes = sorted(set(sizes))
        self._capture = capture or cuda_graph
        self._programs: dict[int, Program] = {}
        self._device = next(module.parameters()).device

    def capture_all(self) -> None:
        """Capture every size now, so that no pattern waits for it."""
        for size in self._sizes:
            self._program(size)

    def __call__(self, pattern: Tensor) -> Answer:
        """(N, 8192), N ≥ 1 → the module's tensors, (N, …); copies, safe to keep."""
        if len(pattern) == 0:
            raise ValueError("no patterns to run")
        answers = [self._run(pattern, part) for part in parts_of(len(pattern), self._sizes)]
        if len(answers) == 1:
            return answers[0]
        return tuple(torch.cat(column) for column in zip(*answers, strict=True))

    def _run(self, pattern: Tensor, part: Part) -> Answer:
        rows = part.last - part.first
        given = pattern[part.first : part.last]
        if rows < part.size:
            # Filled up with the last pattern: what is in the rest cannot break anything.
            given = torch.cat([given, given[-1:].expand(part.size - rows, -1)])
        return tuple(value[:rows].clone() for value in self._program(part.size)(given))

    def _program(self, size: int) -> Program:
        if size not in self._programs:
            example = torch.rand(size, 8192, device=self._device)
            self._programs[size] = self._capture(self._module, example)
        return self._programs[size]


def cuda_graph(module: nn.Module, example: Tensor) -> Program:
    """`module` on inputs of `example`'s shape as one CUDA graph.

    Raises RuntimeError where there is no CUDA device.
    """
    if not example.is_cuda:
        raise RuntimeError("CUDA graphs need a CUDA device; run the module itself on a CPU")
    held = example.clone()
    with torch.no_grad():
        # Warm up beside the default stream, as capturing wants it: libraries choose and allocate.
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                module(held)
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            answer = tuple(module(held))

    def replay(pattern: Tensor) -> Answer:
        held.copy_(pattern, non_blocking=True)
        graph.replay()
        return answer

    return replay


def eager(module: nn.Module, example: Tensor) -> Program:
    """`module` itself, in the form of a captured one: what graphs are compared with."""
    del example

    def run(pattern: Tensor) -> Answer:
        with torch.no_grad():
            return tuple(module(pattern))

    return run
