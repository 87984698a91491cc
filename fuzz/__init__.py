"""Bytes of no sense for everything that reads bytes: ``python -m fuzz TARGET --runs N``.

A target takes any bytes. What it may raise are the errors made for bad input; everything else, and
anything that takes longer than seconds, is a fault. See docs/how-to/secure-a-service.md.
"""

from __future__ import annotations

# Written down, since whatever is imported before atheris looks on is not guided by coverage.
TARGET_NAMES = (
    *("wire", "pair", "msgpack", "frames", "documents", "settings", "urls", "card"),
    *("columns", "chi", "gsas", "npy", "nexus", "rruff", "xrdml"),
    *("hdf5", "hdf5_answer"),
)
