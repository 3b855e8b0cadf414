"""Triton programs. Nothing outside `kernels.gpu` imports them, and that only once a tensor on a GPU is there."""
