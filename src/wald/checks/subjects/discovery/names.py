"""What the names of its parameters say of a loss: which is the prediction, which the target, which a variance.

Names are hints: they order what is tried, and trial calls decide. The words are those that papers and libraries
use for the same few roles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import inspect
import re
from typing import Any, Final

#: Roles in the order in which they are looked for; the first that fits a name is taken.
_ROLES: Final[tuple[tuple[str, str], ...]] = tuple(
    (role, rf"(?:^|_)(?:{words})(?:_|$|\d)")
    for role, words in (
        ("reference_chosen", r"ref\w*_(?:\w+_)?(?:chosen|win\w*|w|pos\w*|preferred)"),
        ("reference_rejected", r"ref\w*_(?:\w+_)?(?:reject\w*|los\w*|l|neg\w*|dispreferred)"),
        ("rejected", r"reject\w*|loser|losing|lose|dispreferred|worse|y_l"),
        ("chosen", r"chosen|winner|winning|win|preferred|better|y_w"),
        ("old_log_prob", r"old|behaviou?r|previous|prev"),
        ("advantage", r"adv\w*|returns?|rewards?"),
        ("lengths", r"lengths?|lens?"),
        ("anchor", r"anchors?"),
        ("positive", r"positives?|pos"),
        ("negative", r"negatives?|neg"),
        ("student", r"students?"),
        ("teacher", r"teachers?"),
        ("real", r"real"),
        ("fake", r"fakes?|gen\w*"),
        ("query", r"quer(?:y|ies)"),
        ("key", r"keys?"),
        ("log_spread", r"log_?(?:var\w*|sigma\w*|std\w*|scale|b)"),
        (
            "spread",
            r"var|variances?|sigma\w*|stddev|stdev|std|scale|spread|precision|dispersion|theta|phi|concentration",
        ),
        ("log_prob", r"log_?p\w*|new_?log\w*"),
        ("weight", r"weights?|masks?|valid"),
        ("relevance", r"relevances?|rel|gains?|grades?|ranks?"),
        (
            "setting",
            r"alpha|beta|gamma|delta|margin|temperature|temp|tau|eps|epsilon|lambd?a?|lam|num_\w+|n_\w+|reduction"
            r"|epoch|step|quantiles?|smoothing|threshold|device",
        ),
        ("action", r"actions?|acts?"),
        ("label", r"labels?|same|is_\w+|similar\w*|classes|ids?|events?|censor\w*|status|done"),
        ("target", r"true|truth|targets?|tgt|gt|ground|actuals?|observed|obs|expected|y_?t"),
        ("location", r"mu|means?|loc|locations?"),
        ("embedding", r"emb\w*|feat\w*|repr\w*|images?|texts?|vec\w*|z_?[ijab12]|h_?[12]|latents?"),
        (
            "prediction",
            r"q_?values?|y_?pred\w*|y_?hat|yhat|pred\w*|logits?|scores?|outputs?|out|probs?|proba\w*|inputs?|forecasts?"
            r"|estimate\w*|hypothes\w*",
        ),
    )
)
#: Letters that stand for a role only beside others: what the whole list of names means.
_LETTERS: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("a", "p", "n"): ("anchor", "positive", "negative"),
    ("q", "k"): ("query", "key"),
    ("w", "l"): ("chosen", "rejected"),
    ("sp", "sn"): ("positive", "negative"),
    ("m", "v", "y"): ("location", "target", "spread"),
}
#: Single letters that most often hold what was observed, where the other one is plainly predicted.
_OBSERVED: Final = frozenset({"y", "t"})


@dataclass(frozen=True)
class Parameter:
    """One input that a loss must be given.

    Attributes:
        name: as its author calls it; empty where that is not known.
        role: what the name says that it is; empty where it says nothing.
        keyword: whether it is given by name only.
    """

    name: str
    role: str = ""
    keyword: bool = False


def parameters_of(loss: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The inputs that a loss must be given, in order; two without a name where it does not say."""
    try:
        signature = inspect.signature(getattr(loss, "forward", loss))
    except (TypeError, ValueError):
        return (Parameter(""), Parameter(""))  # a built-in, which does not say what it takes
    every = list(signature.parameters.values())
    if any(one.kind is one.VAR_POSITIONAL for one in every) and not _needed(every):
        return (Parameter(""), Parameter(""))
    chosen = _needed(every)
    free = [one for one in every if one not in chosen and one.kind is one.POSITIONAL_OR_KEYWORD]
    if len(chosen) == 1 and free and role_of(free[0].name) in ("target", "label", "fake") and free[0].default is None:
        chosen.append(free[0])
    elif not chosen:
        chosen = free[:2]
    return _told([one.name for one in chosen], [one.kind is one.KEYWORD_ONLY for one in chosen])


def _needed(every: list[inspect.Parameter]) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in every if one.default is one.empty and one.kind not in kinds]


def _told(names: list[str], keywords: list[bool]) -> tuple[Parameter, ...]:
    letters = _LETTERS.get(tuple(name.lower() for name in names))
    roles = letters or tuple(map(role_of, names))
    return tuple(Parameter(*each) for each in zip(names, roles, keywords, strict=True))


def role_of(name: str) -> str:
    """What a name says: one of the roles above, or nothing."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return next((role for role, words in _ROLES if re.search(words, plain)), "")


def swapped(parameters: tuple[Parameter, ...]) -> bool:
    """Whether names say that the target comes first, as in (y_true, y_pred)."""
    first, second = parameters
    predicted = second.role in ("prediction", "location", "embedding") or second.name in ("yhat", "f", "p", "z")
    observed = first.role in ("target", "label", "relevance") or first.name.lower() in _OBSERVED
    return observed and predicted


def unswapped(parameters: tuple[Parameter, ...]) -> bool:
    """Whether names say that the prediction comes first."""
    first, second = parameters
    observed = second.role in ("target", "label", "relevance", "weight") or second.name.lower() in _OBSERVED
    return observed and first.role not in ("target", "label", "relevance")


def speaks_of(name: str, *words: str) -> bool:
    """Whether the name of a loss has one of these words in it."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return any(word in plain for word in words)
