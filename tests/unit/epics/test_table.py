"""The table of PVs, and what is made of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from alphadiffract_stream.documents import answer_keys
from alphadiffract_stream.epics import PVS, Kind
from tools import write_pv_reference

BESIDE = {"raw_descriptor_uid", "raw_event_uid", "raw_time", "energy_source"}
"""Keys of an event that no operator looks at; the time is the PVs' time stamp."""


def test_every_key_of_the_answer_is_a_pv():
    assert set(answer_keys("")) - {pv.attribute for pv in PVS} == BESIDE


def test_names_are_unique_and_of_a_form_epics_takes():
    names = [pv.name for pv in PVS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]{1,29}", name) for name in names)
    assert PVS[-1].name == "RawSeqNum"


@pytest.mark.parametrize("pv", PVS, ids=lambda pv: pv.name)
def test_channel_access_can_hold_it(pv):
    assert len(pv.units) <= 8
    assert len(pv.choices) <= 16
    assert all(len(choice.encode()) <= 25 for choice in pv.choices)
    assert len(pv.description) < 80
    assert pv.kind is not Kind.CHOICE or pv.choices


def test_the_page_is_up_to_date():
    written = write_pv_reference.PAGE.read_text(encoding="utf-8")
    assert written == write_pv_reference.page(), "run python -m tools.write_pv_reference"


def test_the_screen_is_up_to_date_and_shows_pvs_that_exist():
    written = write_pv_reference.SCREEN.read_text(encoding="utf-8")
    assert written == write_pv_reference.screen(), "run python -m tools.write_pv_reference"
    shown = [element.text or "" for element in ElementTree.fromstring(written).iter("pv_name")]
    names = {pv.name for pv in PVS}
    assert len(shown) > 20
    assert {text.removeprefix("$(PROTO)$(P)") for text in shown} <= names
