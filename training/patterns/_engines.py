"""Which engine draws: compiled loops on the processor, or torch on the training device."""

from __future__ import annotations

from typing import Literal

import torch

from ..reflections import ReflectionStore, SymmetryTables
from ._augmentation import Augmentation
from ._batch import Drawer

EngineName = Literal["auto", "numba", "device"]


def open_drawer(
    engine: EngineName,
    store: ReflectionStore,
    symmetry: SymmetryTables,
    augmentation: Augmentation,
    device: torch.device,
) -> Drawer:
    """``numba``, ``device``, or ``auto``: numba on a CPU, else the device itself.

    Either is imported only when chosen. Raises ValueError for another name, and ImportError naming
    the remedy where numba is chosen and missing.
    """
    if engine not in ("auto", "numba", "device"):
        raise ValueError(f"data.engine: {engine!r} is not one of auto, numba, device")
    if engine == "device" or (engine == "auto" and device.type != "cpu"):
        from .device import DeviceDrawer

        return DeviceDrawer(store, symmetry, augmentation, device)
    try:
        from .compiled import PatternDrawer
    except ImportError as error:
        raise ImportError(
            f'{error}; install numba and scipy, or set data.engine = "device"'
        ) from error
    return PatternDrawer(store, augmentation, symmetry)
