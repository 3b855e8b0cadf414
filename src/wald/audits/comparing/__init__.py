"""Two audits of the same rows, compared."""

from .comparison import compare as compare
