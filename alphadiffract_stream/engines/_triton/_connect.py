"""From an address to an engine: a server's model, once it is loaded and fits its card."""

from __future__ import annotations

import logging

from ._client import Client
from ._engine import TritonEngine
from ._loop import BackgroundLoop
from ._options import TritonOptions
from ._transport import open_transport

log = logging.getLogger(__name__)


async def connect(
    address: str, model: str, options: TritonOptions, loop: BackgroundLoop
) -> TritonEngine:
    """Engine for a loaded model. Raises EngineError."""
    client = Client(address, model, options, open_transport(address, options))
    try:
        config = await client.loaded(options.wait)
        card = client.card(config)
        client.check_signature(config, card)
    except BaseException:
        await client.close()
        raise
    if card.golden is None:
        log.warning(
            "%s: its card has no golden answer, so that another network in its place would not be "
            "told by its answers; export it again",
            client.where,
        )
    largest = int(config.get("max_batch_size", 0))
    return TritonEngine(client, card, min(options.max_batch or largest, largest), loop)
