"""Before training: a loss together with the rows that it is to be trained on."""

from .flight import preflight as preflight
