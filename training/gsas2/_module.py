"""GSASIIscriptable, where it can be imported."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
from types import ModuleType

NAMES = ("GSASII.GSASIIscriptable", "GSASIIscriptable")
"""As a package (since 2024), and as a folder on the path before."""
REMEDY = (
    "GSASIIscriptable cannot be imported: run this with the Python of a GSAS-II installation "
    "(conda or pixi, https://gsas-ii.readthedocs.io), or use --engine builtin"
)


def available() -> bool:
    """Whether GSAS-II is installed; imports nothing of it."""
    for name in NAMES:
        with contextlib.suppress(ModuleNotFoundError, ValueError):
            if importlib.util.find_spec(name) is not None:
                return True
    return False


def load_scriptable() -> ModuleType:
    """GSASIIscriptable, made quiet. Raises ImportError with the remedy."""
    for name in NAMES:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        module.SetPrintLevel("none")
        return module
    raise ImportError(REMEDY)
