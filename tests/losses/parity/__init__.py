"""Losses of ours beside those of other packages, in value and gradient: one case a pair, and what they add up to.

`python -m tests.losses.parity` measures every case whose package is installed, says how many losses and packages
these are, and writes docs/parity.md.
"""
