"""Inputs and rows that are not quite those of the test: noise, gaps in the data, other times and other places."""

from .alike import alike as alike
from .apart import Apart as Apart, apart as apart
from .classes import classes as classes
from .noise import noise as noise
from .splits import splits as splits
from .times import times as times
