"""Looking patterns up among the training crystals, as a part of the training step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ..networks import HeadOutputs
from ..patterns import Batch, Drawer
from ..retrieval import KeyBank, keys_of, retrieval_loss
from ._checkpoint import TrainingState
from ._config import TrainingConfig
from ._log import Report

TOLD_EVERY = 10.0
"""Seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The known crystals' keys and what draws their patterns."""

    bank: KeyBank
    drawer: Drawer
    config: TrainingConfig

    def begin(self, average: nn.Module, stopped: Callable[[], bool], tell: Report) -> None:
        """Compute the keys where no checkpoint brought them.

        That takes minutes, so `stopped` is asked and `tell` told how far it is. Raises ValueError
        for a network without keys.
        """
        if self.bank.filled:
            return
        self.bank.fill(
            average,
            self.drawer,
            self.config.seed,
            bfloat16=self.config.bfloat16,
            progress=_Told(len(self.bank.keys), tell),
            stopped=stopped,
        )

    def with_neighbours(
        self, losses: dict[str, Tensor], outputs: HeadOutputs, batch: Batch, state: TrainingState
    ) -> dict[str, Tensor]:
        """`losses` with those of the neighbours, and ``total`` with their share.

        The first part of the batch are known crystals: their keys are renewed with the averaged
        network.
        """
        settings = self.config.retrieval
        if outputs.key is None:
            raise ValueError("the network has no keys: set network.heads.keys, 64 for one")
        known = batch.crystal[: int(len(batch) * settings.known_share)]
        seed = self.config.seed * 7919 + state.step
        drawn = self.drawer.draw(known.cpu().numpy(), seed).pattern.to(outputs.key.device)
        own = keys_of(state.average, drawn, bfloat16=self.config.bfloat16)
        self.bank.renew(known, own)
        extra = retrieval_loss(outputs.key, batch.crystal, own, self.bank, state.step, settings)
        share = extra["neighbours"] + settings.identity_weight * extra["identity"]
        return {**losses, **extra, "total": losses["total"] + settings.weight * share}


class _Told:
    """Called with how many keys more there are, it tells of all of them every ten seconds."""

    def __init__(self, total: int, tell: Report) -> None:
        self._total, self._tell = total, tell
        self._done, self._due = 0, 0.0

    def __call__(self, done: int) -> None:
        self._done += done
        if time.monotonic() >= self._due or self._done == self._total:
            self._tell({"keys": self._done, "of": self._total})
            self._due = time.monotonic() + TOLD_EVERY
