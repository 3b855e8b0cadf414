"""A saved batch, and a loss that is called with it."""

from .call import Call as Call, Slot as Slot, calling as calling
from .read import Batch as Batch, BatchError as BatchError, read as read
from .run import Outcome as Outcome, Run as Run, by_row as by_row
