"""Heads: what losses are given that lives from step to step, each a small module.

Three rules hold for all of them. A call gives what a loss takes, and changes nothing. `update` changes it, without a
gradient, after the step (or after the loss, for what is only kept); heads without `update` are learned by the optimiser
alone. And the state dict holds all that a run needs to go on. A head stands beside a loss, or inside an objective:
`Term(loss, heads={"target": head})`.

Every process of a distributed run has its own heads. What all of them should see is gathered by the caller, before
`update`.
"""

from .class_centres import ClassCentres as ClassCentres
from .learned_boundary import LearnedBoundary as LearnedBoundary
from .learned_scale import LearnedScale as LearnedScale
from .prototypes import Prototypes as Prototypes
from .proxies import Proxies as Proxies
from .queue import Queue as Queue
from .running_mean import RunningMean as RunningMean
from .teacher import Teacher as Teacher
