"""From what a data base or a folder holds to structures fit for training (paper §5.1).

Sources of entries, named rules each entry must pass, and a record of how many fell at which.
"""

from __future__ import annotations

from ._amcsd import installed_amcsd
from ._analysis import Analysis, FamilyKind, Tolerances
from ._entries import Entry
from ._errors import CurationError
from ._judge import Kept, Rejected, judge, records_of, verdict
from ._materials_project import download_materials_project
from ._report import CurationReport, report_table
from ._rules import Rule, rules
from ._run import curate
from ._sources import Source, open_source

__all__ = [
    "Analysis",
    "CurationError",
    "CurationReport",
    "Entry",
    "FamilyKind",
    "Kept",
    "Rejected",
    "Rule",
    "Source",
    "Tolerances",
    "curate",
    "download_materials_project",
    "installed_amcsd",
    "judge",
    "open_source",
    "records_of",
    "report_table",
    "rules",
    "verdict",
]
