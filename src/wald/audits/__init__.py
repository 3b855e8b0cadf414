"""Floor 3: the five questions about a loss, the model it made, its data and the metric that counts."""

from .case import Attack as Attack, Case as Case, CaseError as CaseError
from .metrics import Metric as Metric
from .running import audit as audit
