"""The project keeps its own rules."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs/explanations/decisions").glob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_parts_on_one_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(path.name[:4])}. ")
    assert re.search(r"^\*\*Status\*\*: (accepted|proposed|replaced by \[)", text, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 60


def test_version_is_known_and_in_order() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?([.+a-z].*)?", version("alphadiffract-stream"))
    assert PROJECT["tool"]["setuptools_scm"]["fallback_version"]


def test_extras_are_those_the_documentation_names() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"])
    assert extras >= {"demo", "triton", "tensorrt", "train", "epics", "tiled", "kafka", "dev"}
    for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        for group in re.findall(r"alphadiffract-stream\[([\w,]+)\]", path.read_text("utf-8")):
            assert set(group.split(",")) <= extras, path


def test_continuous_integration_runs_the_readme_command() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    commands = [
        line for line in script.read_text("utf-8").splitlines() if line and line[0] not in "#"
    ]
    assert commands[0] == "set -euo pipefail"
    assert commands[-1] == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text("utf-8")


def test_make_says_what_is_missing_without_a_new_python(tmp_path: Path) -> None:
    """`make` on a machine whose only Python is too old stops with the remedy."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "sh").symlink_to("/bin/sh")
    (tmp_path / "pyproject.toml").touch()
    make = next(p for d in os.environ["PATH"].split(":") if (p := Path(d) / "make").exists())
    done = subprocess.run(
        [str(make), "-f", str(ROOT / "Makefile"), "-C", str(tmp_path), "test"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "No Python >= 3.11 with venv and pip found" in done.stderr
    assert "make test PYTHON=" in done.stderr


def test_nothing_names_a_place_on_the_authors_machine() -> None:
    """Absolute paths of a home or work folder do not belong in the project."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    if not any(files):
        pytest.skip("not a git checkout")
    suspicious = re.compile(r"/(home|root|Users|work)/\w+")
    for name in files:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yaml", ".yml", ".json") and path.is_file():
            assert not suspicious.search(path.read_text("utf-8")), name
