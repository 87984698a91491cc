"""The wavelength a header gives: keys, units and plausibility, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import PatternError
from ...pattern import HC_KEV_ANGSTROM
from ._text import shorten

LONGEST, SHORTEST = 25.0, 0.02
"""Å; outside lies no diffraction experiment, so a number there has another unit or meaning."""
REMEDY = "correct the header, or give --wavelength or --energy"
KALPHA_RATIO = 0.5
"""I(Kα2) / I(Kα1) where a file names both lines and no ratio."""

_LENGTHS = {"m": 1e10, "nm": 10.0, "pm": 0.01}
_UNIT = r"(?:nm|pm|m|[aåÅ\u212b]|ang(?:str[oöø]ms?)?\.?|ångstr[oöø]ms?|k?ev)(?![a-zå])"
_KEY = re.compile(
    r"(?P<key>wave[\s_-]?length|(?<![a-z])(?:lambda|λ)|(?<![a-z])energy)"
    r"(?P<line>[\s_]*\(?k?[\s_-]*(?:alpha|α|a)?[\s_-]*[12]\)?(?=[\"'\s:=,\[(]))?"
    rf"(?:[\s_]*[\[(]?\s*(?P<unit>{_UNIT})\s*[\])]?)?"
    r"[\"'\s]*(?:[:=,]|\s)[\"'\s]*"
    r"(?P<value>[+-]?(?:\d+(?:[.,]\d*)?|\.\d+)(?:e[+-]?\d+)?)(?![\d.])"
    rf"(?:\s*[\[(]?(?P<after>{_UNIT}))?",
    re.IGNORECASE,
)
_RATIO = re.compile(r"a(?:lpha)?[\s_-]*2\s*/\s*k?[\s_-]*a(?:lpha)?[\s_-]*1\W+([\d.]+)", re.I)
_LINE_BEFORE = re.compile(r"(?:alpha|α|a)[\s_-]*([12])[\s_-]*$", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"([a-zα-ω]+)[\s_.-]*$", re.IGNORECASE)
# An energy under another name is the ring's, a threshold or a resolution.
_ENERGY_WORDS = {"photon", "ray", "xray", "beam", "incident", "mono", "monochromator", "incoming"}


@dataclass(frozen=True, slots=True)
class Beam:
    """What a header says of the wavelength: a value in Å and where it stood, or a doubt."""

    wavelength: float | None = None
    source: str = ""
    doubt: PatternError | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One place that gives a wavelength (Å; None where implausible), as it was written."""

    wavelength: float | None
    source: str
    value: str
    line: str = ""
    energy: bool = False


def to_wavelength(value: float, unit: str, *, energy: bool) -> float | None:
    """Å of `value` in `unit` (m, nm, pm, Å, eV, keV; empty: by size). None where implausible."""
    unit = unit.lower().strip(" .")
    if energy != unit.endswith("ev") and unit:
        return None
    if energy:
        # Without a unit, 20 is keV and 20000 is eV; between them lies no experiment of ours.
        kilo = 1.0 if unit == "kev" else 1e-3 if unit == "ev" or value >= 1000 else 1.0
        result = HC_KEV_ANGSTROM / (value * kilo) if value > 0 else 0.0
    elif unit in _LENGTHS:
        result = value * _LENGTHS[unit]
    else:
        result = value * 1e10 if not unit and value < 1e-8 else value
    return result if SHORTEST <= result <= LONGEST else None


def beam_of(lines: Iterable[tuple[int, str]], place: str) -> Beam:
    """The wavelength named in header `lines` (index from 0, text) of the file `place`.

    An X-ray tube's Kα1 and Kα2 make their intensity-weighted mean. A file that contradicts
    itself, or gives a value no diffraction experiment has, comes back as a doubt.
    """
    said: list[Statement] = []
    ratio = KALPHA_RATIO
    for index, text in lines:
        head = re.sub(r"([\s_])[\s_]+", r"\1", text[:1000])  # runs would cost the patterns dearly
        said += _said(head, index)
        found = _RATIO.search(head)
        if found:
            try:
                ratio = float(found.group(1))
            except ValueError:
                continue
    return choose(said, place, ratio)


def choose(said: list[Statement], place: str, ratio: float = KALPHA_RATIO) -> Beam:
    """The one value the statements agree on; a wavelength goes before an energy."""
    for one in said:
        if one.wavelength is None:
            value = f"{place}: {one.source} is {one.value}"
            return Beam(doubt=PatternError("wavelength", value, REMEDY))
    plain = sorted((one for one in said if not one.line), key=lambda one: one.energy)
    if plain:
        first = plain[0]
        for other in plain[1:]:
            # An energy is often rounded where the wavelength beside it is exact.
            tolerance = 5e-3 if other.energy and not first.energy else 1e-3
            if abs(_value(other) / _value(first) - 1) > tolerance:
                value = f"{place}: {first.source} says {first.value}, {other.source} {other.value}"
                return Beam(doubt=PatternError("wavelength", shorten(value, 200), REMEDY))
        return Beam(first.wavelength, first.source)
    lines = {one.line: one for one in reversed(said)}
    if "1" in lines and "2" in lines:
        mean = (_value(lines["1"]) + ratio * _value(lines["2"])) / (1 + ratio)
        return Beam(mean, f"{lines['1'].source} and Kα2, mean weighted 1:{ratio:g}")
    if lines:
        one = next(iter(lines.values()))
        return Beam(one.wavelength, one.source)
    return Beam()


def statement(value: float, unit: str, source: str, *, energy: bool, line: str = "") -> Statement:
    """A wavelength or energy found in a structured file, for `choose`; `line` 1 or 2 of Kα."""
    wavelength = to_wavelength(value, unit, energy=energy)
    return Statement(wavelength, source, f"{value:g} {unit}".strip(), line, energy)


def _said(text: str, index: int) -> list[Statement]:
    if not re.search(r"wave|lambda|λ|energy", text, re.IGNORECASE):
        return []
    return [one for found in _KEY.finditer(text) if (one := _statement(text, index, found))]


def _statement(text: str, index: int, found: re.Match[str]) -> Statement | None:
    before = text[: found.start()]
    word = _WORD_BEFORE.search(before)
    energy = found["key"].lower() == "energy"
    if word and (word[1].lower().endswith("beta") or (energy and _foreign(word[1]))):
        return None
    unit = found["unit"] or found["after"] or ""
    label = _LINE_BEFORE.search(before)
    line = label[1] if label else re.sub(r"\D", "", found["line"] or "")
    number = float(found["value"].replace(",", "."))
    source = f"header '{found['key']}{(found['line'] or '').rstrip()}', line {index + 1}"
    value = f"{found['value']} {unit}".strip()
    return Statement(to_wavelength(number, unit, energy=energy), source, value, line, energy)


def _foreign(word: str) -> bool:
    return word.lower() not in _ENERGY_WORDS


def _value(one: Statement) -> float:
    assert one.wavelength is not None  # choose() has sent the others back as doubts
    return one.wavelength
