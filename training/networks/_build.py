"""Networks by name, as configuration files give them."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

from ._alphadiffract import AlphaDiffract
from ._compact import Compact
from ._heads import HeadOptions

Network = AlphaDiffract | Compact
KINDS: dict[str, type[Network]] = {"alphadiffract": AlphaDiffract, "compact": Compact}


def build(config: dict[str, Any]) -> Network:
    """The network of ``{kind = "compact", heads = {…}, …}``.

    Raises ValueError for an unknown kind or option, naming it.
    """
    options: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in config.items()
    }
    kind = options.pop("kind", "compact")
    if kind not in KINDS:
        raise ValueError(f"network kind {kind!r} is not one of {sorted(KINDS)}")
    network = KINDS[kind]
    _check("network", options, list(inspect.signature(network).parameters))
    if "heads" in options:
        chosen = options["heads"]
        _check("network.heads", chosen, [f.name for f in fields(HeadOptions)])
        options["heads"] = replace(network.default_heads, **chosen)
    return network(**options)


def _check(where: str, given: dict[str, Any], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{where}.{name}: no such option; there are {', '.join(known)}")
