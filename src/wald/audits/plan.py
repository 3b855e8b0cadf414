"""What an audit measures, in order: what is quick and decides whether the rest means anything comes first."""

from .probe import Probe
from .probes.alignment import ALIGNMENT
from .probes.attack import ATTACK
from .probes.calibration import CALIBRATION
from .probes.checkpoints import CHECKPOINTS
from .probes.collapse import COLLAPSE
from .probes.confidence import CONFIDENCE
from .probes.dominance import DOMINANCE
from .probes.dynamics import DYNAMICS
from .probes.edges import EDGES
from .probes.extremes import EXTREMES
from .probes.foresight import FORESIGHT
from .probes.gaming import GAMING
from .probes.goodhart import GOODHART
from .probes.groups import GROUPS
from .probes.guarantee import GUARANTEE
from .probes.history import HISTORY
from .probes.influence import INFLUENCE
from .probes.interruptions import INTERRUPTIONS
from .probes.invariances import INVARIANCES
from .probes.labels import LABELS
from .probes.ladder import LADDER
from .probes.landscape import LANDSCAPE
from .probes.leakage import LEAKAGE
from .probes.masking import MASKING
from .probes.overoptimisation import OVEROPTIMISATION
from .probes.performance import PERFORMANCE
from .probes.poison import POISON
from .probes.preflight import PREFLIGHT
from .probes.restarts import RESTARTS
from .probes.retraining import RETRAINING
from .probes.runs import RUNS
from .probes.scenarios import SCENARIOS
from .probes.shift import SHIFT
from .probes.slices import SLICES
from .probes.tail import TAIL
from .probes.terms import TERMS

PROBES: tuple[Probe, ...] = (
    PREFLIGHT,
    LEAKAGE,
    ALIGNMENT,
    GUARANTEE,
    TERMS,
    RETRAINING,
    INFLUENCE,
    ATTACK,
    MASKING,
    INTERRUPTIONS,
    SHIFT,
    TAIL,
    GAMING,
    INVARIANCES,
    COLLAPSE,
    GOODHART,
    OVEROPTIMISATION,
    LADDER,
    CHECKPOINTS,
    HISTORY,
    RUNS,
    DOMINANCE,
    EDGES,
    CALIBRATION,
    CONFIDENCE,
    GROUPS,
    SLICES,
    LABELS,
    POISON,
    LANDSCAPE,
    RESTARTS,
    DYNAMICS,
    SCENARIOS,
    EXTREMES,
    PERFORMANCE,
    FORESIGHT,
)
