"""Points of any position onto a regular grid, undone exactly in Fourier space.

The exponential-of-semicircle kernel of non-uniform Fourier transforms: Barnett, Magland & af
Klinteberg (2019) SIAM J. Sci. Comput. 41, C479.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WIDTH = 6
"""Grid points each point is spread over."""
SHAPE = 2.30 * WIDTH


def kernel(x: Tensor) -> Tensor:
    """At a distance of `x` grid points, |x| ≤ WIDTH / 2."""
    z2 = (x * (2 / WIDTH)) ** 2
    return torch.exp(SHAPE * ((1 - z2).clamp_min(0).sqrt() - 1))


def kernel_transform(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel's Fourier transform at `frequency` (cycles a grid point)."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    values = weights * np.exp(SHAPE * (np.sqrt(1 - nodes**2) - 1)) * WIDTH / 2
    return np.cos(np.pi * WIDTH * np.multiply.outer(frequency, nodes)) @ values


def spread(grid: Tensor, rows: list[Tensor], position: Tensor, weights: list[Tensor]) -> None:
    """Add points around `position` (R,) grid points to periodic rows of `grid`.

    grid: (rows, n), contiguous. Each point goes to several rows, (R,) each, with its own weight
    in each, (R,).
    """
    n = grid.shape[1]
    first = torch.ceil(position - WIDTH / 2)
    offset = (first - position).float()
    first, flat = first.long(), grid.view(-1)
    for i in range(WIDTH):
        column = torch.remainder(first + i, n)
        value = kernel(offset + i)
        for row, weight in zip(rows, weights, strict=True):
            flat.scatter_add_(0, row * n + column, weight * value)
