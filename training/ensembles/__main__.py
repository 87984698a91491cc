"""``python -m training.ensembles``: how fast an ensemble answers, every way side by side.

torch and numpy alone. Ten networks of a configuration (or the members of run folders) are run the
paper's way, eagerly one after another, and fused, from CUDA graphs, compiled, in float32 and in
half precision; all in one process on one device. A JSON row a line, on standard output.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import build
from ..trainer import member_folders, open_members, read_config
from ._cuda_graph import SIZES, GraphRunner, Program, cuda_graph, eager
from ._means import MeanAnswer
from ._members import FusedMembers, Members
from ._precision import lowered

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, measure, print rows."""
    options = _parser().parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # TF32 would be a third precision under float32's name.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    networks = _networks(options)
    patterns = _patterns(options.patterns).to(device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    _say({"device": name, "torch": torch.__version__, "members": len(networks)})
    if device.type != "cuda":
        print("no CUDA device: CUDA graphs are left out", file=sys.stderr)
    ways = dict(_ways(networks, device, compiled=options.compiled))
    expected = _answers(ways["sequential float32"], patterns)
    base: dict[int, float] = {}
    for way, module in ways.items():
        _say({"way": way, **_disagreement(_answers(module, patterns), expected)})
        for size in options.batches:
            given = _batch(patterns, size)
            for kind, program in _programs(module, patterns, size, device):
                seconds = _seconds(partial(program, given), device, options)
                base.setdefault(size, seconds)  # the first row is the paper's way
                _say(
                    {
                        "way": f"{way}, {kind}",
                        "batch": size,
                        "ms": round(1e3 * seconds, 4),
                        "patterns_per_second": round(size / seconds, 1),
                        "ratio_same_batch": round(base[size] / seconds, 2),
                        "ratio_to_papers_way": round(
                            base[options.batches[0]] / options.batches[0] / (seconds / size), 2
                        ),
                    }
                )


def _ways(
    networks: list[nn.Module], device: torch.device, *, compiled: bool
) -> Iterator[tuple[str, nn.Module]]:
    """Members one after another and fused, in each precision; the paper's way first."""
    for arrangement, make in (("sequential", Members), ("fused", FusedMembers)):
        for name, dtype in DTYPES.items():
            if device.type == "cpu" and name == "float16":
                continue  # emulated there, and slower than anything
            module = MeanAnswer(make(deepcopy(networks))).to(device).eval()
            module = lowered(module, dtype) if name != "float32" else module
            yield f"{arrangement} {name}", module
            if compiled and arrangement == "fused":
                yield f"fused compiled {name}", torch.compile(module)  # type: ignore[misc]


def _programs(
    module: nn.Module, patterns: Tensor, size: int, device: torch.device
) -> Iterator[tuple[str, Program]]:
    example = _batch(patterns, size)
    yield "eager", eager(module, example)
    if device.type == "cuda":
        yield "CUDA graph", cuda_graph(module, example)


def _answers(module: nn.Module, patterns: Tensor) -> tuple[Tensor, ...]:
    """All patterns, in the sizes a graph would take."""
    return GraphRunner(module, (64,), eager)(patterns)


def _disagreement(got: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> dict[str, Any]:
    """Largest differences to float32, and shares of patterns with another first answer."""
    names = ("system", "group")
    return {
        "patterns": len(got[0]),
        **{
            f"{name}_probability_difference": float((g - e).abs().max())
            for name, g, e in zip(names, got, expected, strict=False)
        },
        **{
            f"{name}_top1_disagreement": float((g.argmax(dim=1) != e.argmax(dim=1)).float().mean())
            for name, g, e in zip(names, got, expected, strict=False)
        },
    }


def _seconds(
    call: Callable[[], object], device: torch.device, options: argparse.Namespace
) -> float:
    """Median over repeats, after a few unmeasured ones."""

    def waited() -> float:
        began = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    for _ in range(min(5, options.repeats)):
        waited()
    return statistics.median(waited() for _ in range(options.repeats))


def _batch(patterns: Tensor, size: int) -> Tensor:
    return patterns.repeat(-(-size // len(patterns)), 1)[:size]


def _networks(options: argparse.Namespace) -> list[nn.Module]:
    if options.runs:
        return [*open_members(member_folders(options.runs))]
    config = read_config(options.config)
    torch.manual_seed(0)
    return [build(config.network).eval() for _ in range(options.members)]


def _patterns(path: Path | None) -> Tensor:
    """(N, 8192) float32 of a file; else noise with a few peaks."""
    if path is not None:
        held = np.load(path)
        array = held if isinstance(held, np.ndarray) else held["intensity"]
        return torch.from_numpy(array.astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    place = torch.linspace(0, 1, 8192)
    peaks = torch.rand(256, 20, 1, generator=generator)
    return torch.exp(-(((place - peaks) / 0.002) ** 2)).sum(dim=1) + 0.01 * torch.rand(
        256, 8192, generator=generator
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.ensembles", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("training/configs/paper.toml"))
    parser.add_argument("--members", type=int, default=10, help="networks of the configuration")
    parser.add_argument("--runs", type=Path, nargs="*", help="folders of trained members instead")
    parser.add_argument(
        "--patterns",
        type=Path,
        help="(N, 8192) on the canonical grid, .npy or .npz with `intensity`",
    )
    parser.add_argument("--batches", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--compiled", action="store_true", help="torch.compile the fused ones too")
    return parser


def _say(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
