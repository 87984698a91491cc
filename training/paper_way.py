"""``python -m training.paper_way``: the paper's inference, timed a turn at a time. torch alone.

Eager PyTorch, float32, members one after another, one pattern a call, as the paper measured 11.5 to
13.9 ms a pattern on an H100. Speaks to ``alphadiffract-stream bench --paper-way``: says in a line
of JSON what it is; for each line in, a number of seconds, it answers a JSON list of ms. The
weights are fresh ones: what a network takes does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import torch

from .networks import AlphaDiffract

_POINTS = 8192
_WARM_UP = 5


def main(arguments: list[str] | None = None) -> None:
    """Serve turns until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m training.paper_way", description=__doc__)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    infer = sequential(options.members, device)
    for _ in range(_WARM_UP):
        infer()
    about = {
        "description": f"{options.members} members, eager torch {torch.__version__}, batch 1",
        "members": options.members,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(infer, float(line))), flush=True)


def sequential(members: int, device: torch.device) -> Callable[[], torch.Tensor]:
    """One inference: a pattern from the host through every member, statistics back on the host."""
    networks = [AlphaDiffract().to(device).eval() for _ in range(members)]
    pattern = torch.rand(1, _POINTS)

    @torch.inference_mode()
    def infer() -> torch.Tensor:
        there = pattern.to(device)
        outputs = [network(there) for network in networks]
        heads = (
            torch.stack([o.crystal_system for o in outputs]).softmax(dim=-1),
            torch.stack([o.space_group for o in outputs]).softmax(dim=-1),
            torch.stack([o.lattice for o in outputs]),
        )
        # To the host, which also waits for the device.
        return torch.cat([f(dim=0) for h in heads for f in (h.mean, _spread(h))], dim=-1).cpu()

    return infer


def turn(infer: Callable[[], object], seconds: float) -> list[float]:
    """ms of each call, for so many seconds and one call at least."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        infer()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def _spread(values: torch.Tensor) -> Callable[..., torch.Tensor]:
    return lambda dim: values.std(dim=dim, correction=0)


if __name__ == "__main__":
    main()
