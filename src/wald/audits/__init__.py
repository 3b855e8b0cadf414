"""Floor 3: the five questions about a loss, the model it made, its data and the metric that counts."""

from .candidates import Candidates as Candidates
from .case import Case as Case
from .errors import CaseError as CaseError
from .input_space import Attack as Attack, InputSpace as InputSpace
from .metrics import Metric as Metric
from .running import audit as audit
from .tables.table_case import table_case as table_case
from .trading import Trading as Trading
