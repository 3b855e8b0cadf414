"""Floor 0: what a loss says of itself, as plain data that needs no tensor library."""

from .card import Card as Card, Claim as Claim
from .domain import (
    AboveMinusOne as AboveMinusOne,
    BinaryTarget as BinaryTarget,
    ClassId as ClassId,
    ClassTarget as ClassTarget,
    Domain as Domain,
    Label as Label,
    Logit as Logit,
    Logits as Logits,
    LogProbabilities as LogProbabilities,
    NonNegative as NonNegative,
    Parameters as Parameters,
    PlainParameters as PlainParameters,
    Positive as Positive,
    Probabilities as Probabilities,
    Real as Real,
    Vector as Vector,
)
from .formula import Formula as Formula
from .inputs import mask_inputs as mask_inputs, return_inputs as return_inputs
from .param import REQUIRED as REQUIRED, numbers as numbers, param as param
from .parts import DRAWDOWNS as DRAWDOWNS, MASKS as MASKS, MEETINGS as MEETINGS
