"""Keys of the training crystals while a network learns to look patterns up among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..networks import in_bfloat16
from ..patterns import Drawer
from ..reflections import ReflectionStore


@dataclass(slots=True, eq=False)
class KeyBank:
    """One key a training crystal, in an order mixed once, so that a window is a random sample."""

    keys: Tensor
    """(M, K) float32 of length 1; zeros until filled."""
    crystal: Tensor
    """(M,) index into the store."""
    row: Tensor
    """(N,) row of each crystal of the store; −1 for held-out ones."""
    group: Tensor
    """(M,) 0…229."""
    family: Tensor
    """(M,) near-duplicates share it."""

    @classmethod
    def empty(
        cls,
        store: ReflectionStore,
        crystals: NDArray[np.int64],
        width: int,
        seed: int,
        device: torch.device,
    ) -> KeyBank:
        """Of `crystals` (M,), indices into `store`, with keys of nothing yet."""
        order = np.random.default_rng(seed).permutation(crystals)
        row = np.full(len(store), -1)
        row[order] = np.arange(order.size)
        group = store.space_group_number[order].astype(np.int64) - 1
        family = store.family[order].view(np.int64)
        parts = (torch.from_numpy(part).to(device) for part in (order, row, group, family))
        return cls(torch.zeros(order.size, width, device=device), *parts)

    @property
    def filled(self) -> bool:
        """Whether keys were computed or loaded."""
        return bool(self.keys[:1].any())

    def fill(
        self,
        network: nn.Module,
        drawer: Drawer,
        seed: int,
        *,
        bfloat16: bool,
        progress: Callable[[int], None] = lambda done: None,
        stopped: Callable[[], bool] = lambda: False,
        size: int = 256,
    ) -> None:
        """Compute every key anew from one pattern a crystal; none is kept where it is `stopped`."""
        for first in range(0, len(self.keys), size):
            if stopped():
                self.keys.zero_()
                return
            crystals = self.crystal[first : first + size].cpu().numpy()
            pattern = drawer.draw(crystals, seed + first).pattern.to(self.keys.device)
            self.keys[first : first + size] = keys_of(network, pattern, bfloat16=bfloat16)
            progress(len(crystals))

    def renew(self, crystals: Tensor, keys: Tensor) -> None:
        """Put `keys` (B, K) in the place of those of `crystals` (B,)."""
        self.keys[self.row[crystals]] = keys


@torch.no_grad()
def keys_of(network: nn.Module, pattern: Tensor, *, bfloat16: bool) -> Tensor:
    """(B, K) float32 keys of patterns (B, 8192). Raises ValueError if `network` has none.

    `bfloat16`: computed in it where that is quick.
    """
    with in_bfloat16(pattern.device, wanted=bfloat16):
        key = network(pattern).key
    if key is None:
        raise ValueError("the network has no keys: set network.heads.keys, 64 for one")
    return key.float()
