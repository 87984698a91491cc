"""One process, or several under ``torchrun``: who this one is, and agreement among them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class Workers:
    """Rank `rank` of `count` processes, each on a device of its own."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    def join(cls) -> Workers:
        """As torchrun's variables say; alone without them."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
        device = torch.device("cpu")
        if torch.cuda.is_available():
            device = torch.device("cuda", local)
            torch.cuda.set_device(device)
        if count > 1 and not distributed.is_initialized():
            distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            )
        return cls(rank, count, device)

    @property
    def leads(self) -> bool:
        """Whether this one writes files and reports."""
        return self.rank == 0

    def shared(self, network: nn.Module) -> nn.Module:
        """`network` with gradients averaged over all processes."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def agreed(self, *values: float) -> list[float]:
        """The first process's values: clocks differ, and all must stop at the same step."""
        if self.count == 1:
            return list(values)
        held = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(held, src=0)
        return held.tolist()

    def leave(self) -> None:
        """Wait for the others and take leave of them."""
        if self.count > 1:
            distributed.barrier()
            distributed.destroy_process_group()
