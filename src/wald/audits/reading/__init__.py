"""What a person gives to a case, in what an audit works with: tensors, a function of tensors, a loss, a metric."""

from .read import read as read
from .targets import as_taken as as_taken
from .words import as_said as as_said
