"""Names people give a radial axis, and the unit each stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...pattern import RadialUnit


@dataclass(frozen=True, slots=True)
class Axis:
    """A recognised axis: values x `scale` are in `unit`; where `unit` is None, `why` not."""

    unit: RadialUnit | None
    scale: float = 1.0
    why: str = ""


_TWO_THETA = re.compile(
    r"(?:(?:2|two)[\s_*·-]*th(?:eta)?|tth(?:eta)?|ttheta)(?![a-z])"
    r"|^(?:(?:scattering|diffraction|bragg)[\s_]*)?angle\b|^pos\.?\s*\[?°?\s*2\s*th"
)
_Q = re.compile(r"^(?:scattering[\s_]*vector|momentum[\s_]*transfer|\|?q\|?(?![a-z]))")
_D = re.compile(r"^(?:d(?![a-z*])|d[\s_-]*spacings?\b|lattice[\s_]*spacing)")
_OTHER = {
    re.compile(r"^(?:r(?![a-z])|radius|radial[\s_]*(?:distance|position))"): "a detector radius",
    re.compile(r"^(?:chi|azim|eta(?![a-z])|phi(?![a-z])|psi(?![a-z]))"): "an azimuth or rotation",
    re.compile(r"^(?:tof(?![a-z])|time[\s_-]*of[\s_-]*flight|time(?![a-z]))"): "time",
    re.compile(r"^(?:channel|pixel|bin(?![a-z])|index(?![a-z]))"): "a channel number",
    re.compile(r"^(?:energy|e[\s_]*[\[(]?k?ev)"): "energy (energy-dispersive)",
    re.compile(r"^(?:d\*|d-?star|sin|log|s(?![a-z])|omega|theta(?![a-z])|th(?![a-z]))"): (
        "neither 2θ, q nor d"
    ),
}
_ANGSTROM = re.compile(r"(?<![a-z])(?:a{1,2}|å|ang\w*|ångstr\w*)(?![a-zå])")
_NANOMETRE = re.compile(r"(?<![a-z])(?:nm|nanomet\w*)(?![a-z])")
_METRE = re.compile(r"(?<![a-z])m(?![a-z])")
_INVERSE = re.compile(r"1\s*/|\^?-\s*1(?!\d)|inverse|reciprocal|per[\s_]")
_REMEDY_Q = "q without its unit (name it: q_A^-1 or q_nm^-1)"


def axis_of(name: str) -> Axis | None:
    """The axis a label means (``2-Theta Angle (Degrees)``, ``q_nm^-1``, ``Q [1/Å]``, ``d``…).

    None where the label says nothing; an Axis with unit None where it names one that cannot
    be analysed (r_mm, chi_deg, time of flight) or a q of unknown unit.
    """
    text = _normal(name)
    for other, what in _OTHER.items():
        if other.match(text):
            return Axis(None, why=what)
    if _TWO_THETA.search(text):
        return _angle(text)
    for kind, scaled in ((_Q, _inverse_length), (_D, _length)):
        found = kind.match(text)
        if found:
            return scaled(text[found.end() :])
    return None


def axis_of_units(units: str) -> Axis | None:
    """The axis a bare unit means where the axis is known to be radial: ``deg``, ``1/nm``…"""
    text = _normal(units)
    if _INVERSE.search(text):
        found = _inverse_length(text)
        return found if found.unit else None
    if re.match(r"(?:deg|°|\^?o$|m?rad)", text):
        return _angle(text)
    return axis_of(units)


def _normal(name: str) -> str:
    text = name.strip().strip("\"'").lower()
    for old, new in (("θ", "theta"), ("ϑ", "theta"), ("−", "-"), ("⁻¹", "^-1"), ("\u212b", "å")):
        text = text.replace(old, new)
    return re.sub(r"[\\{}$]", "", text)


def _angle(text: str) -> Axis:
    if re.search(r"(?<![a-z])m(?:illi)?rad", text):
        return Axis(RadialUnit.TWO_THETA_RAD, 1e-3)
    if re.search(r"(?<![a-z])rad(?:ians?)?(?![a-z])", text):
        return Axis(RadialUnit.TWO_THETA_RAD)
    return Axis(RadialUnit.TWO_THETA_DEG, 0.01 if "centideg" in text else 1.0)


def _inverse_length(text: str) -> Axis:
    if _NANOMETRE.search(text):
        return Axis(RadialUnit.Q_INV_NM)
    if _ANGSTROM.search(text):
        return Axis(RadialUnit.Q_INV_ANGSTROM)
    if _METRE.search(text):
        return Axis(RadialUnit.Q_INV_ANGSTROM, 1e-10)
    return Axis(None, why=_REMEDY_Q)


def _length(text: str) -> Axis:
    if _NANOMETRE.search(text):
        return Axis(RadialUnit.D_ANGSTROM, 10.0)
    if _METRE.search(text) and not _ANGSTROM.search(text):
        return Axis(RadialUnit.D_ANGSTROM, 1e10)
    return Axis(RadialUnit.D_ANGSTROM)
