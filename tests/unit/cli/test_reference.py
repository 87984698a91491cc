from __future__ import annotations

from pathlib import Path

import pytest
import typer

from alphadiffract_stream.cli import app
from tools import write_settings_reference

REFERENCE = Path(write_settings_reference.PAGE).parent
COMMANDS = typer.main.get_command(app).commands


def test_the_settings_page_is_up_to_date():
    written = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    assert written == write_settings_reference.page(), "run tools/write_settings_reference.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_commands_has_every_option(name):
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    options = [
        text
        for parameter in COMMANDS[name].params
        for text in parameter.opts
        if text.startswith("--") and text != "--help"
    ]
    assert options or name == "keys"  # its command has arguments only
    assert [text for text in options if f"`{text}" not in section] == []
