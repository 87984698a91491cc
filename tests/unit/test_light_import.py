"""The light install stays light: what a beamline machine imports, and what it never does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "bluesky",
    "bokeh",
    "caproto",
    "confluent_kafka",
    "matplotlib",
    "ophyd",
    "ophyd_async",
    "p4p",
    "pandas",
    "panel",
    "pymatgen",
    "spglib",
    "tensorrt",
    "tiled",
    "torch",
    "training",
    "tritonclient",
    "xarray",
}
"""In no module of the light install, at import."""
LAZY = {"pybaselines", "scipy", "numba"}
"""Installed, but loaded only by who asks for it."""
OPTIONAL = (
    "_triton",
    "_tensorrt",
    "epics._ca",
    "epics._ophyd",
    "epics._pva",
    "_tiled",
    "_kafka",
    "dashboard",
    ".bluesky",
    ".demo",
)
"""Modules (by part of the name) that belong to an extra and may not import without it."""

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import alphadiffract_stream as package
optional = tuple(sys.argv[1:])
names, failed = [], {}
for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".",
                                    onerror=lambda name: None):
    if any(part in module.name for part in optional) or module.name.endswith("__main__"):
        continue
    names.append(module.name)
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        failed[module.name] = repr(error)
print(json.dumps({"names": names, "failed": failed, "loaded": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def imported() -> dict:
    """What one fresh interpreter says after importing every module."""
    command = [sys.executable, "-c", IMPORT_ALL, *OPTIONAL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_module_of_the_light_install_imports(imported):
    assert imported["failed"] == {}
    for name in ("cli", "service", "sources", "sinks", "engines", "grid", "crystal"):
        assert f"alphadiffract_stream.{name}" in imported["names"]


def test_nothing_heavy_comes_with_it(imported):
    tops = {name.partition(".")[0] for name in imported["loaded"]}
    assert tops & HEAVY == set()


def test_the_slow_libraries_wait_until_asked_for(imported):
    tops = {name.partition(".")[0] for name in imported["loaded"]}
    assert tops & LAZY == set()


def test_background_removal_is_what_loads_them():
    code = """
import sys, numpy as np
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern
x = np.linspace(1, 4, 500)
y = 100 + 50 * np.exp(-(((x - 2) / 0.02) ** 2))
to_grid(Pattern(y, x, "q_A^-1"))
assert "pybaselines" not in sys.modules
to_grid(Pattern(y, x, "q_A^-1"), background="snip")
assert "pybaselines" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
