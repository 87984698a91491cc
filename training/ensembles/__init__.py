"""Ensembles: several networks as one, fused where they are alike. torch alone."""

from __future__ import annotations

from ._members import FusedMembers, Members, mean_outputs

__all__ = ["FusedMembers", "Members", "mean_outputs"]
