"""Triton: losses on a GPU. Triton itself is loaded when the first tensor on a GPU comes."""

from . import cross_entropy as cross_entropy, elementwise as elementwise
from .rows import (
    Features as Features,
    Rows as Rows,
    Upstream as Upstream,
    rows_in_place as rows_in_place,
    rows_of as rows_of,
)
