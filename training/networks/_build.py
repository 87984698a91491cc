"""Networks by name, as configuration files give them."""

from __future__ import annotations

from typing import Any

from torch import nn

from ._alphadiffract import AlphaDiffract
from ._compact import Compact

KINDS: dict[str, type[nn.Module]] = {"alphadiffract": AlphaDiffract, "compact": Compact}


def build(config: dict[str, Any]) -> nn.Module:
    """The network of ``{kind = "compact", …}``. Raises ValueError for an unknown kind."""
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
    kind = options.pop("kind", "compact")
    if kind not in KINDS:
        raise ValueError(f"network kind {kind!r} is not one of {sorted(KINDS)}")
    return KINDS[kind](**options)
