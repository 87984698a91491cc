"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tools.local_triton import Installation, NotAvailable, provision

ROOT = Path(__file__).resolve().parents[1]

# Under CI a test must say the same of the same code: examples follow from it, not from chance.
# New examples are looked for on developers' machines and by `python -m fuzz`.
hypothesis.settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of reference data that is never part of the project; skips where it is absent."""
    folder = Path(os.environ.get("ALPHADIFFRACT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder} (set ALPHADIFFRACT_DATA)")
    return folder


@pytest.fixture(scope="session")
def triton_installation() -> Installation:
    """A real Triton server, installed once below ``.triton/``; skips where it cannot be had."""
    try:
        return provision(patience=90)
    except NotAvailable as reason:
        pytest.skip(f"no Triton server: {reason}")
