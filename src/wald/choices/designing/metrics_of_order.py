"""Metrics of the order of rows: what only asks which row stands before which."""

from __future__ import annotations

from ...losses import BinaryCrossEntropy, CrossEntropy, PairwiseLogistic, Squared
from ..errors import ChoiceError
from .designed import Design, Option
from .setting import Setting
from .words import one_number, told

_ORDER = (
    "Only the order of rows counts, and the best order is that of the true probability of yes. The logistic loss is "
    "strictly proper, so its best scores are in that order, and probabilities come with it."
)


_PAIRS = Option(
    loss=PairwiseLogistic(),
    why="Looks at pairs of a yes and a no directly (consistent for AUC: Gao & Zhou 2015); worth a try where the model "
    "is too small to get probabilities right. Its scores are no probabilities.",
)


def _ordered(asked: str, why: str, *, decide: str = "", warnings: tuple[str, ...] = ()) -> Design:
    return Design(
        asked=asked,
        loss=BinaryCrossEntropy(),
        estimates="probability",
        reads="the log-odds of yes: the higher, the earlier",
        decide=decide or "Rank by the raw prediction.",
        why=why,
        alternatives=(_PAIRS,),
        warnings=(
            "Weights of classes change no order that is perfect, so they cost probabilities and win nothing in the "
            "limit.",
            *warnings,
        ),
    )


def auc(value: str, setting: Setting) -> Design:
    """AUC: rank by probability."""
    return _ordered(
        "AUC",
        "AUC is the chance that a yes stands before a no. "
        + _ORDER
        + " How far a proper loss is from its best bounds how far AUC is from its best (Agarwal 2014).",
    )


def average_precision(value: str, setting: Setting) -> Design:
    """Average precision: rank by probability."""
    return _ordered(
        "average precision",
        "At every recall the precision is highest if the likeliest rows come first, so the whole curve, and the area "
        "below it, is. " + _ORDER,
    )


def precision_at_k(value: str, setting: Setting) -> Design:
    """Precision among the k first rows."""
    shown = "k"
    if value and value != "k":
        share_of_rows = value.endswith("%")
        k = one_number(value.rstrip("% "), "precision at k", "precision at 100")
        if not 0 < k < (100 if share_of_rows else float("inf")):
            raise ChoiceError(f"precision at k takes a positive k, as in 'precision at 100' or '5%'; got {value}.")
        shown = f"{told(k)} %" if share_of_rows else told(k)
    return _ordered(
        f"precision at {shown}",
        f"The {shown} likeliest rows hold the most yeses, whatever k is, so nothing about k goes into the loss. "
        + _ORDER,
        decide=f"Take the {shown} rows with the highest predictions.",
        warnings=(
            "A small model spends its strength on all rows, the first k among them; if that hurts, draw more rows "
            "from near the cut, or weigh the thresholds there: wald.design(thresholds=...).",
        ),
    )


def by_query(value: str, setting: Setting) -> Design:
    """Mean average precision and reciprocal rank, within queries."""
    return _ordered(
        "ranking within queries",
        "Within each query the documents that are likelier relevant should come first: for relevance that is yes or "
        "no and independent between documents, the order by probability is best. " + _ORDER,
        warnings=("Of metrics for detection (mAP of boxes) this does not speak.",),
    )


def ndcg(value: str, setting: Setting) -> Design:
    """NDCG: regress the gains."""
    return Design(
        asked=f"NDCG{f'@{value}' if value else ''}",
        loss=Squared(),
        estimates="mean",
        reads="the expected gain of a document",
        decide="Rank within each query by the prediction.",
        why=(
            "The best order for the expected DCG is that of the expected gain, and the squared error has just that as "
            "its best prediction (Cossock & Zhang 2008). For NDCG the target is the gain, 2^grade - 1, divided by the "
            "best DCG of its query (Ravikumar, Tewari & Yang 2011): then the squared error is consistent for it."
        ),
        alternatives=(
            Option(
                loss=CrossEntropy(),
                why="The list-wise softmax over the documents of a query (ListNet, with gains as soft targets): much "
                "used and often better on small models; not known to be consistent for NDCG.",
            ),
        ),
        warnings=(
            "The target is the normalised gain and not the grade: a squared error on grades is consistent for another "
            "order.",
            "LambdaRank and its kin reach high NDCG in practice; no proof of consistency is known for them.",
        ),
    )
