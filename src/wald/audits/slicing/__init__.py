"""Parts of the data that can be said in words, and whether the model serves one of them worse."""

from .conditions import Conditions as Conditions, conditions as conditions
from .honest import Confirmed as Confirmed, confirmed as confirmed
from .search import Slice as Slice, worst_slices as worst_slices
