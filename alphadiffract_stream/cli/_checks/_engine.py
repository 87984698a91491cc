"""The model: its file, its hash, and whether it gives the right numbers."""

from __future__ import annotations

import asyncio
from time import monotonic

from ...engines import check_golden, golden_pattern, open_engine
from ...errors import AlphaDiffractError
from ._check import Check, State


async def check_engine(url: str, patience: float) -> list[Check]:
    """Open `url` (which checks the hash) and make a golden inference, in `patience` s."""
    try:
        engine = await asyncio.to_thread(open_engine, url)
    except AlphaDiffractError as error:
        remedy = "reinstall the package, or name another model with --engine onnx:PATH"
        return [Check(f"engine {url}", State.ERROR, str(error), remedy)]
    card = engine.card
    opened = Check(
        f"engine {url}",
        State.OK,
        f"{card.name} {card.version}, sha256 {card.sha256[:12]}, {card.members} member(s), "
        f"trained on {card.training_set}",
    )
    try:
        return [opened, await _golden(engine, patience)]
    finally:
        await engine.close()


async def _golden(engine, patience: float) -> Check:
    name = "golden inference"
    try:
        async with asyncio.timeout(patience):
            check_golden(await engine.infer(golden_pattern()), engine.card)
            began = monotonic()
            await engine.infer(golden_pattern())
    except TimeoutError:
        return Check(name, State.TIMEOUT, f"no answer in {patience:g} s", "restart the engine")
    except AlphaDiffractError as error:
        return Check(name, State.ERROR, str(error), "do not use this engine; restart or replace it")
    compared = "as on the card" if engine.card.golden else "finite, normalised"
    return Check(name, State.OK, f"{compared}; {(monotonic() - began) * 1e3:.1f} ms a pattern")
