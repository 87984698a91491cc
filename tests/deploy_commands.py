"""Every command line in deploy/, and whether the program it names would understand it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

from tests.kustomize import containers, render

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
OURS = "alphadiffract-stream"
TRAINING = ("python", "-m", "training")
Named = tuple[str, list[str]]
UsageError = typer.BadParameter.__mro__[1]
"""What a wrong command line raises; typer brings its own click along."""


def container_files() -> dict[str, dict[str, list[str]]]:
    """Path from the root → what ENTRYPOINT and CMD of the last stage are."""
    found = {}
    for path in sorted((DEPLOY / "container").glob("*Containerfile")):
        text = path.read_text("utf-8").replace("\\\n", " ")
        pairs = re.findall(r"^(ENTRYPOINT|CMD)\s+(\[.*\])$", text, re.MULTILINE)
        found[path.relative_to(ROOT).as_posix()] = {k: json.loads(v) for k, v in pairs}
    return found


def commands() -> Iterator[Named]:
    """Where each command line stands, and its words."""
    files = container_files()
    images: dict[str, list[str]] = {}
    for name, words in files.items():
        yield name, [*words["ENTRYPOINT"], *words["CMD"]]
    for path in sorted((DEPLOY / "compose").glob("*.yaml")):
        for service, entry in yaml.safe_load(path.read_text("utf-8"))["services"].items():
            if build := entry.get("build"):
                images[entry["image"]] = files[build["dockerfile"]]["ENTRYPOINT"]
            if words := entry.get("command"):
                start = entry.get("entrypoint", images.get(entry["image"], []))
                yield f"{path.name}: {service}", [*start, *words]
    for folder in ("base", "overlays/gpu"):
        for manifest in render(DEPLOY / "kubernetes" / folder):
            for container in containers(manifest):
                image = container["image"].rpartition(":")[0].rpartition("/")[2]
                start = container.get("command", images.get(image, []))
                yield f"{folder}: {container['name']}", [*start, *container.get("args", [])]
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        for line in re.findall(r"^ExecStart=(.+)$", path.read_text("utf-8"), re.MULTILINE):
            program, *rest = shlex.split(line)
            yield path.name, [Path(program).name, *rest]


def check(words: list[str], parsers: dict[str, Callable[[list[str]], Any]]) -> str | None:
    """What parsed it, or None for a program that is not ours. Raises what the parser raises."""
    if tuple(words[:3]) == TRAINING:
        parsers["training"](words[3:])
        return "training"
    name = Path(words[0]).name
    if name not in parsers:
        return None
    parsers[name](words[1:])
    return name


def parse(app: typer.Typer, words: list[str]) -> dict[str, Any]:
    """The options a Typer application makes of `words`, without running anything.

    Raises UsageError for what it does not know.
    """
    group: Any = typer.main.get_command(app)
    if words in (["--help"], []):
        return {}
    with group.make_context("app", list(words)) as context:
        name, command, rest = group.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        with command.make_context(name, rest, parent=context) as inner:
            return dict(inner.params)
