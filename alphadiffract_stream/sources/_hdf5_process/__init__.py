"""HDF5 files read in a process of their own: libhdf5 may crash or hang on one that is damaged.

`Hdf5Reader` is what the service holds; ``python -m …sources._hdf5_process`` is the other end. What
comes back is looked at as if a stranger had sent it: whoever writes a file that subverts libhdf5
speaks from there. See docs/explanations/decisions/0024-hdf5-in-a-process-of-its-own.md.
"""

from __future__ import annotations

from ._reader import HDF5_TIMEOUT, Hdf5Reader
from ._rows import NotYetError

__all__ = ["HDF5_TIMEOUT", "Hdf5Reader", "NotYetError"]
