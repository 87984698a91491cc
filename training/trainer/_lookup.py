"""Looking patterns up among the training crystals, as a part of the training step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ..networks import HeadOutputs
from ..patterns import Batch, Drawer
from ..retrieval import KeyBank, keys_of, retrieval_loss
from ._checkpoint import TrainingState
from ._config import TrainingConfig


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The known crystals' keys and what draws their patterns."""

    bank: KeyBank
    drawer: Drawer
    config: TrainingConfig

    def begin(self, average: nn.Module, stopped: Callable[[], bool]) -> None:
        """Compute the keys where no checkpoint brought them; minutes, so `stopped` is asked.

        Raises ValueError for a network without keys.
        """
        if not self.bank.filled:
            half = self.config.bfloat16
            self.bank.fill(average, self.drawer, self.config.seed, bfloat16=half, stopped=stopped)

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
