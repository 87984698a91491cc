"""Where a pattern lies between two others."""

from __future__ import annotations

import numpy as np

from ..changes import Features

_ORDER = ("embedding", "crystal_system", "lattice")


def share(features: Features, before: Features, after: Features) -> float:
    """0 where `features` are those of `before`, 1 where those of `after`; by distance.

    In the embedding where all three have one, else in the first channel they share.
    """
    for channel in _ORDER:
        if all(channel in f for f in (features, before, after)):
            near = float(np.linalg.norm(features[channel] - before[channel]))
            far = float(np.linalg.norm(features[channel] - after[channel]))
            return near / (near + far) if near + far > 0 else 0.5
    return 0.5
