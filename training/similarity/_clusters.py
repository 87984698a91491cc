"""Complete-linkage clusters of fingerprints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

THRESHOLD = 0.9
"""The Materials Project's, and the paper's."""


def clusters(fingerprints: NDArray[np.float64], threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """(n,) cluster, from 0, of each of (n, f) fingerprints.

    No two of a cluster are further apart than `threshold` (Euclidean).
    """
    if len(fingerprints) == 1:
        return np.zeros(1, dtype=np.int64)
    tree = linkage(fingerprints, method="complete", metric="euclidean")
    return np.asarray(fcluster(tree, t=threshold, criterion="distance"), dtype=np.int64) - 1
