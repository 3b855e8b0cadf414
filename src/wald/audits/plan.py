"""What an audit measures, in order: what is quick and decides whether the rest means anything comes first."""

from .probe import Probe
from .probes.alignment import ALIGNMENT
from .probes.attack import ATTACK
from .probes.calibration import CALIBRATION
from .probes.checkpoints import CHECKPOINTS
from .probes.edges import EDGES
from .probes.gaming import GAMING
from .probes.groups import GROUPS
from .probes.influence import INFLUENCE
from .probes.ladder import LADDER
from .probes.preflight import PREFLIGHT
from .probes.tail import TAIL
from .probes.unbuilt import UNBUILT as UNBUILT

PROBES: tuple[Probe, ...] = (
    PREFLIGHT,
    ALIGNMENT,
    INFLUENCE,
    ATTACK,
    TAIL,
    GAMING,
    LADDER,
    CHECKPOINTS,
    EDGES,
    CALIBRATION,
    GROUPS,
)
