"""External data: reads the files documents refer to, and never a file it may not read."""

from __future__ import annotations

from ._filler import Filler, filled

__all__ = ["Filler", "filled"]
