"""GradCAM over a pattern (Selvaraju et al. 2017; supplementary Figures 7 and 8 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alphadiffract_stream.grid import GRID_TWO_THETA

from ..networks import HeadOutputs

Head = Literal["crystal_system", "space_group"]


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """What raised one class, along the canonical grid."""

    head: Head
    index: int
    """The class explained: 0…6, or space group number − 1."""
    probability: float
    """Of that class, as the network alone gives it: before any calibration."""
    heat: NDArray[np.float32]
    """(8192,) 0…1; 0 where nothing spoke for the class."""
    lattice: NDArray[np.float32]
    """(6,) Niggli cell predicted beside it, Å and °."""


def grad_cam(
    network: nn.Module,
    pattern: NDArray[np.float32],
    head: Head = "crystal_system",
    index: int | None = None,
    layer: str | None = None,
) -> Attention:
    """Attention of `network` for class `index` (the most probable if None) of `head`.

    pattern: (8192,) on the canonical grid. layer: name of the module whose (1, C, …, T) output is
    weighed; the last one with more than one position among the network's ``stages`` if None.
    Raises ValueError for a layer that is not there or has no positions.
    """
    network = network.eval()
    name, module = _layer(network, layer)
    caught: list[Tensor] = []

    def catch(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        caught.append(output)
        return output

    hook = module.register_forward_hook(catch)
    try:
        with torch.enable_grad():
            # A leaf that wants a gradient, so that one flows even through frozen weights.
            given = torch.from_numpy(pattern[None].copy()).requires_grad_()
            outputs: HeadOutputs = network(given)
            logits: Tensor = getattr(outputs, head)[0]
            chosen = int(logits.argmax()) if index is None else index
            (gradient,) = torch.autograd.grad(logits[chosen], caught[0])
    finally:
        hook.remove()
    shape = tuple(caught[0].shape)
    if len(shape) < 3 or shape[-1] < 2:
        raise ValueError(f"layer {name}: output {shape} has no positions to weigh")
    maps = caught[0].detach()[0].flatten(1)  # (C, T): a second axis of one falls away
    weight = gradient[0].flatten(1).mean(dim=1, keepdim=True)
    heat = (weight * maps).sum(dim=0).clamp_min(0)
    heat = heat / heat.max().clamp_min(1e-12)
    places = _places(network, maps.shape[1])
    return Attention(
        head=head,
        index=chosen,
        probability=float(logits.detach().softmax(dim=0)[chosen]),
        heat=np.interp(GRID_TWO_THETA, places, heat.numpy()).astype(np.float32),
        lattice=outputs.lattice[0].detach().numpy(),
    )


def _layer(network: nn.Module, name: str | None) -> tuple[str, nn.Module]:
    if name is not None:
        try:
            return name, network.get_submodule(name)
        except AttributeError:
            raise ValueError(f"layer: the network has no {name!r}") from None
    stages = getattr(network, "stages", None)
    if not isinstance(stages, nn.Sequential):
        raise ValueError("layer: the network has no `stages`; name the layer to look at")
    # A pool at the end only blurs: the last block before it is what the paper looks at.
    kept = [i for i, m in enumerate(stages) if not isinstance(m, nn.AvgPool1d | nn.AvgPool2d)]
    return f"stages.{kept[-1]}", stages[kept[-1]]


def _places(network: nn.Module, count: int) -> NDArray[np.float64]:
    """(T,) 2θ of the middles of equal cells: in log q where the network sees it so, else in 2θ."""
    middle = (np.arange(count) + 0.5) / count
    low, high = GRID_TWO_THETA[0], GRID_TWO_THETA[-1]
    if not hasattr(network, "axis"):
        return low + (high - low) * middle
    ends = np.log(np.sin(np.radians(np.array([low, high]) / 2)))
    return 2 * np.degrees(np.arcsin(np.exp(ends[0] + (ends[1] - ends[0]) * middle)))
