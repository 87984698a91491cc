"""Where the documents of runs are kept, opened for one run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from urllib.parse import quote

from ..sources import Message, Source, open_source
from ._settings import Settings

Archive = Callable[[str], Source]
"""Opens the documents of one run, by its uid."""

_END = 5.0
"""s for an archive to let go of what it holds."""


def archive_of(settings: Settings) -> Archive | None:
    """What ``backfill`` names."""
    url, wavelength = settings.backfill, settings.fallback_wavelength
    if url is None:
        return None
    start = url + ("&" if "?" in url else "?") + "run="
    return lambda uid: open_source(start + quote(uid), wavelength=wavelength)


async def end(source: Source | None, messages: AsyncIterator[Message] | None) -> None:
    """Close it, and let it come to its end."""
    with suppress(Exception):
        async with asyncio.timeout(_END):
            if source is not None:
                await source.close()
            if messages is not None:
                async for _ in messages:
                    pass
