"""``python -m fuzz TARGET|all --runs N``: with atheris (guided by coverage) where it is there."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
import sys
import tempfile
import time
from pathlib import Path

from . import TARGET_NAMES


def main() -> int:
    """Fuzz one target, or one after the other; exit status 1 for a fault."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", choices=[*TARGET_NAMES, "all"])
    parser.add_argument("--runs", type=int, default=100_000, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--plain", action="store_true", help="mutations only, also where atheris is installed"
    )
    asked = parser.parse_args()
    logging.disable()  # warnings of what is wrong with an input are its answer, not news
    guided = not asked.plain and importlib.util.find_spec("atheris") is not None
    if guided and asked.target != "all":
        _guided(asked.target, asked.runs, asked.seed)  # ends the process
    for target in TARGET_NAMES if asked.target == "all" else [asked.target]:
        if not _plain(target, asked.runs, asked.seed):
            return 1
    return 0


def _plain(name: str, runs: int, seed: int) -> bool:
    from ._corpus import FOLDER, corpus
    from ._mutation import LONGEST_INPUT, Fault, run
    from ._targets import LONGEST_OF, TARGETS

    began, done = time.monotonic(), 0
    try:
        longest = LONGEST_OF.get(name, LONGEST_INPUT)
        for done in run(TARGETS[name], corpus(name), runs, seed, longest):  # noqa: B007 - told below
            pass
    except Fault as fault:
        kept = FOLDER / name / hashlib.sha256(fault.data).hexdigest()[:12]
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(fault.data)
        print(f"{name}: FAULT after {done}, kept as {kept}: {fault}", file=sys.stderr)
        return False
    print(f"{name}: {done} inputs, no fault, {time.monotonic() - began:.0f} s", flush=True)
    return True


def _guided(name: str, runs: int, seed: int) -> None:
    import atheris  # pyright: ignore[reportMissingImports]

    with atheris.instrument_imports(include=["alphadiffract_stream"]):
        from ._corpus import FOLDER, corpus
        from ._mutation import LONGEST_INPUT
        from ._targets import LONGEST_OF, TARGETS

    longest = LONGEST_OF.get(name, LONGEST_INPUT)
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(corpus(name)):
            (Path(folder) / str(number)).write_bytes(data)
        limits = [f"-runs={runs}", f"-max_len={longest}", "-timeout=30", "-rss_limit_mb=3000"]
        where = f"-artifact_prefix={FOLDER}/{name}-"
        atheris.Setup(
            [sys.argv[0], folder, *limits, f"-seed={seed or 1}", where, "-print_final_stats=1"],
            TARGETS[name],
        )
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
