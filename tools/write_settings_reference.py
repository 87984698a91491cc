"""Write docs/reference/settings.md from the Settings model (run this file)."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ByteSize
from pydantic.fields import FieldInfo

from alphadiffract_stream.service import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "settings.md"

HEAD = """\
# Settings of `serve`

*Written from the `Settings` model by `tools/write_settings_reference.py`; a test compares them.*

Each setting is given as an option of `alphadiffract-stream serve` (where there is one), as an
environment variable, or in the TOML file named with `--config`. Options win over variables, and
variables over the file. A name that is no setting is refused in the file, and warned of in the
environment. `--energy` and `--wavelength` replace either of them in the file.

```toml
# alphadiffract.toml
sources = ["bluesky-zmq://localhost:5578?prefix=raw"]
sinks = ["bluesky-zmq://localhost:5577?prefix=alphadiffract", "jsonl:/data/predictions.jsonl"]
energy_kev = 20.0
```

| setting | type | default | environment | meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        f"| `{name}` | {_type(field.annotation)} | {_default(field)} | "
        f"`{prefix}{name.upper()}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_type(a) for a in arguments if a is not types.NoneType)
    if origin is Literal:
        return ", ".join(f"`{a}`" for a in arguments)
    if origin is list:
        return "list of URLs"
    names = {float: "number", int: "whole number", str: "text", Path: "path", ByteSize: "bytes"}
    return names[annotation]


def _default(field: FieldInfo) -> str:
    if field.default is None:
        return "–"
    if isinstance(field.default, list):
        return ", ".join(f"`{item}`" for item in field.default) or "none: must be given"
    return f"`{field.default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
