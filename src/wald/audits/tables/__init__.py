"""Tables as tensors, and tables that are too large to hold."""

from .batches import Batch as Batch, batches_of as batches_of, is_stream as is_stream
from .codec import Codec as Codec, codec_of as codec_of, is_table as is_table, wants_codec as wants_codec
from .reservoir import ROWS as ROWS, Reservoir as Reservoir, taken as taken
