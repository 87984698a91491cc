"""How long it takes to make patterns of what came in, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import ParamSpec

from ._messages import Message, PatternReceived, PatternRefused

P = ParamSpec("P")


class Decoding:
    """Times decoding, a pattern. The service sets `observe`, which takes seconds."""

    observe: Callable[[float], None] | None = None

    def __call__(
        self, decode: Callable[P, Sequence[Message]], *arguments: P.args, **named: P.kwargs
    ) -> Sequence[Message]:
        """What `decode` returns; its time counts where there are patterns in that."""
        began = perf_counter()
        messages = decode(*arguments, **named)
        patterns = sum(isinstance(m, PatternReceived | PatternRefused) for m in messages)
        if patterns and self.observe:
            share = (perf_counter() - began) / patterns
            for _ in range(patterns):
                self.observe(share)
        return messages
