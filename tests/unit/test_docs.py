"""The code in the documentation runs.

In tutorials, how-to guides and the README, blocks marked ``bash`` and ``python`` are evaluated in
order, each page in a folder of its own, as a reader would who follows the page. ``console`` blocks
show what a person would see. The ports of the pages are replaced by free ones.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from tests.brokers import kafka

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/tutorials/*.md"))]
PAGES += sorted(ROOT.glob("docs/how-to/*.md"))
EVERY_PAGE = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
EVERY_PAGE += sorted(ROOT.glob("docs/**/*.md"))
PORTS = ("5577", "5578", "8000")
BROKER = "localhost:9092"
"""Pages that use Kafka get mock brokers in its place."""
LANGUAGES = {"bash", "python", "console", "toml", "json", "yaml", "text", ""}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reader:
    """Follows one page: a folder, a shell environment, free ports, and what was started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "160",
            "PYTHONPATH": str(ROOT),  # pages that use `training` say: in a checkout
        }
        self._groups: list[int] = []
        self._brokers = contextlib.ExitStack()

    def with_free_ports(self, text: str) -> str:
        if BROKER in text and BROKER not in self.ports:
            self.ports[BROKER] = self._brokers.enter_context(kafka(self.folder)).address
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text

    def bash(self, example: Example) -> None:
        log = self.folder / f".bash-{example.line}.log"
        with log.open("wb") as output:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.with_free_ports(example.parsed)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.append(shell.pid)
            status = shell.wait(300)
        if status:
            page = Path(example.path).relative_to(ROOT)
            raise AssertionError(f"{page}:{example.line}: status {status}\n{log.read_text()}")

    def python(self, example: Example) -> None:
        example.parsed = type(example.parsed)(
            self.with_free_ports(example.parsed), example.parsed.offset, example.parsed.line_offset
        )
        PythonEvaluator()(example)

    def close(self) -> None:
        """End what blocks left running in the background."""
        self._brokers.close()
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_of_page_runs(page: Path, reader: Reader) -> None:
    parsers = [CodeBlockParser("bash", reader.bash), CodeBlockParser("python", reader.python)]
    document: Document = Sybil(parsers).parse(page)
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    assert examples, f"{page.name} has no code to run; move it to explanations or reference"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_are_of_a_known_kind(page: Path) -> None:
    """A misspelt language would silently not be run; so would code with a title beside it."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            language, _, title = line.strip().strip("`").partition(" ")
            assert inside or language in LANGUAGES, f"{page.name}:{number}: {language!r}"
            assert not (title and language in ("bash", "python")), (
                f"{page.name}:{number}: {title!r}"
            )
            inside = not inside
    assert not inside, f"{page.name}: an unclosed block"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "#", "mailto:")):
            continue
        assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_every_page_is_on_the_first_one() -> None:
    first = ROOT / "docs" / "README.md"
    linked = set(re.findall(r"\]\(([^)\s#]+)\)", first.read_text(encoding="utf-8")))
    pages = [ROOT / "docs" / "known-issues.md"]
    for kind in ("tutorials", "how-to", "explanations", "reference"):
        pages += (ROOT / "docs" / kind).glob("*.md")
    missing = {page.relative_to(first.parent).as_posix() for page in pages} - linked
    assert not missing
