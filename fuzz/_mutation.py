"""Runs of a target on mutated seeds, without anything to install; the same for the same seed."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

LONGEST_INPUT = 4096
"""Bytes."""
LONGEST = 10.0
"""s of processor time one input may take."""
_WORDS = [
    *(
        b"nan",
        b"inf",
        b"-1",
        b"1e999",
        b"0",
        b"9" * 400,
        b"\0" * 8,
        b"\xff" * 8,
        b"\xdd\xff\xff\xff",
    ),
    *(b"null", b"[" * 70, b"{", b"]", b'"', b"\\", b"\n", b"BANK ", b"<!ENTITY x 'y'>", b"&x;"),
]


class Fault(Exception):  # noqa: N818 - what was found, with the input that shows it
    """A target did what it may not."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        self.data = data
        super().__init__(f"{type(error).__name__}: {error} for {data[:200]!r}")


def mutate(
    data: bytes, others: Sequence[bytes], rng: random.Random, longest: int = LONGEST_INPUT
) -> bytes:
    """`data` with a few bytes changed, left out, repeated, or put in from elsewhere."""
    for _ in range(1 + int(rng.expovariate(0.5))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + 1 + int(rng.expovariate(0.2)))
        match rng.randrange(7):
            case 0 if data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:at] + rng.randbytes(end - at) + data[end:]
            case 2:
                data = data[:at] + data[end:]
            case 3:
                data = data[:at] + data[at:end] * rng.choice((2, 3, 50)) + data[end:]
            case 4:
                data = data[:at] + rng.choice(_WORDS) + data[rng.choice((at, end)) :]
            case 5:
                data = data[:at]
            case _:
                other = rng.choice(others)
                data = data[:at] + other[rng.randrange(len(other) + 1) :]
        data = data[:longest]
    return data


def run(
    target: Callable[[bytes], None],
    seeds: Sequence[bytes],
    runs: int,
    seed: int = 0,
    longest: int = LONGEST_INPUT,
) -> Iterator[int]:
    """Every seed, then `runs` mutations; gives how many are done. Raises Fault."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    for done in range(len(seeds) + runs):
        data = seeds[done] if done < len(seeds) else mutate(rng.choice(seeds), seeds, rng, longest)
        with _watched(data):
            target(data)
        yield done + 1


@contextmanager
def _watched(data: bytes) -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise TimeoutError(f"more than {LONGEST:g} s")

    before = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    try:
        yield
    except Exception as error:
        raise Fault(data, error) from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
