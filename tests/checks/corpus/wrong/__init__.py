"""Losses with a known defect, one each, a family a file."""

from __future__ import annotations

from ..entry import Entry
from . import binary, embeddings, manners, multiclass, numbers, overlap, pairs, regression

FAMILIES = (regression, numbers, binary, overlap, multiclass, embeddings, pairs, manners)

WRONG: list[Entry] = [entry for family in FAMILIES for entry in family.SHELF.entries]
