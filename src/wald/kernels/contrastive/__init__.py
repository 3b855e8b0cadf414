"""Losses of embeddings against each other without the matrix of all their scores.

Time is that of the matrix products, memory grows with the batch, not with its square.
"""

from . import (
    info_nce as info_nce,
    nt_xent as nt_xent,
    sig_lip as sig_lip,
    sup_con as sup_con,
    triplets as triplets,
)
from .proxies import linear_proxy as linear_proxy
