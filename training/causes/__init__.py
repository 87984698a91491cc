"""What each cause costs: a network that exists, and networks trained without it."""

from __future__ import annotations

from ._ablation import ALWAYS, DEFAULT, HELD_OUT, Grids, Judged, Planned, judged, plan
from ._ablation_report import write_ablation
from ._answers import MEASURES, Answers, Change, changes
from ._catalogue import CAUSES, CLEAN, MIXED, Cause, Level, causes_named
from ._conditions import CLEAN_NAME, MIXED_NAME, STEP, Condition, conditions
from ._costs import Cost, cost
from ._costs_report import write_costs
from ._sensitivity import KNOWN, NEW, Kept, Population, answered, populations

__all__ = [
    "ALWAYS",
    "CAUSES",
    "CLEAN",
    "CLEAN_NAME",
    "DEFAULT",
    "HELD_OUT",
    "KNOWN",
    "MEASURES",
    "MIXED",
    "MIXED_NAME",
    "NEW",
    "STEP",
    "Answers",
    "Cause",
    "Change",
    "Condition",
    "Cost",
    "Grids",
    "Judged",
    "Kept",
    "Level",
    "Planned",
    "Population",
    "answered",
    "causes_named",
    "changes",
    "conditions",
    "cost",
    "judged",
    "plan",
    "populations",
    "write_ablation",
    "write_costs",
]
