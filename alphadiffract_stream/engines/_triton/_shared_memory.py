"""Patterns and answers handed over in memory that this process and the server both see."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import shared_memory

from ._token import Token
from ._transport import Transport

_FLOAT = 4
_numbers = count()


class Region:
    """Room for one call: the patterns first, then each output."""

    def __init__(self, transport: Transport, widths: Mapping[str, int], max_batch: int) -> None:
        self.name = f"alphadiffract_{os.getpid()}_{next(_numbers)}"
        self._transport = transport
        self._widths = widths
        self._offsets: dict[str, int] = {}
        size = 0
        for tensor, width in widths.items():
            self._offsets[tensor] = size
            size += max_batch * width * _FLOAT
        self.byte_size = size
        self._memory = shared_memory.create_shared_memory_region(self.name, self.name, size)

    async def register(self, headers: dict[str, str]) -> None:
        """Tell the server of it."""
        await self._transport.client.register_system_shared_memory(
            self.name, f"/{self.name}", self.byte_size, headers=headers
        )

    async def unregister(self, headers: dict[str, str]) -> None:
        """Let the server forget it."""
        await self._transport.client.unregister_system_shared_memory(self.name, headers=headers)

    def write(self, patterns: NDArray[np.float32]) -> Any:
        """Put (N, 8192) there; returns the input that points to it."""
        shared_memory.set_shared_memory_region(self._memory, [patterns])
        sent = self._transport.input_class("pattern", list(patterns.shape), "FP32")
        sent.set_shared_memory(self.name, patterns.nbytes)
        return sent

    def requested(self, n: int) -> list[Any]:
        """Outputs that are to be put there."""
        wanted = []
        for tensor, offset in self._offsets.items():
            if tensor != "pattern":
                output = self._transport.output_class(tensor)
                output.set_shared_memory(self.name, n * self._widths[tensor] * _FLOAT, offset)
                wanted.append(output)
        return wanted

    def read(self, n: int) -> dict[str, NDArray[np.float32]]:
        """Copies of the outputs: the region is used again."""
        return {
            tensor: shared_memory.get_contents_as_numpy(
                self._memory, np.float32, [n, self._widths[tensor]], offset
            ).copy()
            for tensor, offset in self._offsets.items()
            if tensor != "pattern"
        }

    def destroy(self) -> None:
        """Give the memory back to the system."""
        shared_memory.destroy_shared_memory_region(self._memory)


class SharedRegions:
    """As many regions as there are calls under way at once."""

    def __init__(
        self, transport: Transport, widths: Mapping[str, int], max_batch: int, token: Token
    ) -> None:
        self._made_of = transport, widths, max_batch
        self._token = token
        self._free: list[Region] = []

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Region]:
        """A region for one call. After a fault it is given up, for two reasons: the server may
        still write into it, and one that was started again does not know it.
        """
        region = self._free.pop() if self._free else await self._new()
        try:
            yield region
        except BaseException:
            region.destroy()
            raise
        self._free.append(region)

    async def close(self) -> None:
        """Unregister and free all that are not lent."""
        while self._free:
            region = self._free.pop()
            with suppress(Exception):  # a server that is gone has forgotten it anyway
                await region.unregister(self._token.headers())
            region.destroy()

    async def _new(self) -> Region:
        region = Region(*self._made_of)
        try:
            await region.register(self._token.headers())
        except BaseException:
            region.destroy()
            raise
        return region
