"""Losses of lists against the libraries that ship them: one row for each port."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald

from ...catalogue import leaf
from ..parity.case import Case, mean, of_port

ROWS, ITEMS = 3, 5


class Scores(nn.Module):
    """Stands for a cross-encoder of sentence-transformers: its scores are given, and a document is its place."""

    num_labels = 1
    device = torch.device("cpu")

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = scores

    def preprocess(self, pairs: list[tuple[str, str]], **_: Any) -> dict[str, Tensor]:
        return {"at": torch.tensor([int(document) for _, document in pairs])}

    def forward(self, tokens: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"scores": self.scores.flatten()[tokens["at"]]}


def sentence_transformers(name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    def call(s: Tensor, y: Tensor) -> Tensor:
        losses = import_module("sentence_transformers.cross_encoder.losses")
        schemes = import_module(losses.LambdaLoss.__module__)
        settled = {key: getattr(schemes, value)() if isinstance(value, str) else value for key, value in fields.items()}
        kind = getattr(losses, name)
        if name == "MarginMSELoss":
            # It insists on a cross-encoder, which the other losses do not.
            made = kind.__new__(kind)
            nn.Module.__init__(made)
            made.model, made.activation_fn, made.loss_fct = Scores(s), nn.Identity(), nn.MSELoss()
        else:
            made = kind(Scores(s), **settled)
        documents = [[str(row * ITEMS + item) for item in range(ITEMS)] for row in range(len(s))]
        queries = ["query"] * len(s)
        if name == "MarginMSELoss":
            return made([queries, *map(list, zip(*documents, strict=True))], y)
        return made([queries, documents], list(y))

    return call


def allrank(module: str, name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda s, y: getattr(import_module(f"allrank.models.losses.{module}"), name)(s, y, **fields)


def jax(library: str, name: str, **fields: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of Rax or Optax and its gradient, as one tensor of torch."""

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, s: Tensor, y: Tensor) -> Tensor:
            made = getattr(import_module(library), name)
            value, slope = import_module("jax").value_and_grad(lambda x: made(x, y.numpy(), **fields))(s.numpy())
            ctx.save_for_backward(torch.tensor(slope.tolist()))
            return torch.tensor(float(value))

        @staticmethod
        def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
            return upstream[0] * ctx.saved_tensors[0], None

    return lambda s, y: Bridge.apply(s, y)  # pyright: ignore[reportReturnType]


ST = "sentence_transformers.cross_encoder.losses."
ALLRANK = "allrank.models.losses."

#: The loss, its port, fields beside those of the port, and the loss of the library.
PORTS: list[tuple[str, str, dict[str, Any], Callable[[Tensor, Tensor], Tensor]]] = [
    ("RankNet", ALLRANK + "rankNet", {}, allrank("rankNet", "rankNet")),
    ("RankNet", ST + "RankNetLoss", {}, sentence_transformers("RankNetLoss")),
    ("ListNet", ALLRANK + "listNet", {}, allrank("listNet", "listNet")),
    ("ListNet", ALLRANK + "binary_listNet", {}, allrank("binary_listNet", "binary_listNet")),
    ("ListNet", ST + "ListNetLoss", {}, sentence_transformers("ListNetLoss")),
    ("ListNet", "optax.losses.ranking_softmax_loss", {}, jax("optax.losses", "ranking_softmax_loss")),
    ("ListNet", "rax.softmax_loss", {}, jax("rax", "softmax_loss")),
    ("RankNet", "rax.pairwise_logistic_loss", {}, jax("rax", "pairwise_logistic_loss")),
    ("ApproxRankMSE", ST + "ADRMSELoss", {}, sentence_transformers("ADRMSELoss")),
    ("MarginMSE", ST + "MarginMSELoss", {}, sentence_transformers("MarginMSELoss")),
    *(
        (
            "LambdaRank",
            ALLRANK + "lambdaLoss",
            {"weights": ours, **k},
            allrank("lambdaLoss", "lambdaLoss", weighing_scheme=theirs, **k),
        )
        for ours, theirs in (
            ("ndcg2++", "ndcgLoss2PP_scheme"),
            ("ndcg2", "ndcgLoss2_scheme"),
            ("lambda_rank", "lambdaRank_scheme"),
            ("ndcg1", "ndcgLoss1_scheme"),
        )
        for k in ({"k": 2}, {"k": None})
    ),
    *(
        (
            "LambdaRank",
            ST + "LambdaLoss",
            {"weights": ours, **k},
            sentence_transformers("LambdaLoss", weighting_scheme=theirs, **k),
        )
        for ours, theirs in (
            ("ndcg2++", "NDCGLoss2PPScheme"),
            ("ndcg2", "NDCGLoss2Scheme"),
            ("lambda_rank", "LambdaRankScheme"),
            ("ndcg1", "NDCGLoss1Scheme"),
        )
        for k in ({"k": 2}, {"k": None})
    ),
]


def one_list(seed: int) -> tuple[Tensor, Tensor]:
    """Libraries differ in how they pool pairs of several lists; of one they agree."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, ITEMS, generator=generator), torch.randperm(ITEMS, generator=generator)[None].float().clamp(
        max=3
    )


def _case(name: str, port: str, fields: dict[str, Any], theirs: Callable[[Tensor, Tensor], Tensor], seed: int) -> Case:
    s, y = one_list(seed)
    if "binary" in port:
        y = (y > 2).float()
    return of_port(port, lambda s: theirs(s, y), s, y, how=mean, within=2e-5, **fields)


CASES: list[Case] = [_case(*row, seed) for row in PORTS for seed in (0, 1)]


@pytest.mark.peers
def test_rax_takes_an_item_and_itself_for_a_pair() -> None:
    pytest.importorskip("rax", reason="compares with Rax")
    s, y = one_list(0)
    torch.testing.assert_close(2 * wald.MarginMSE(against="mean")(s, y), jax("rax", "pairwise_mse_loss")(s, y))


def _smooth(loss: wald.Loss, module: str, name: str, **fields: Any) -> Case:
    """allRank gives minus the metric, and ours is one less the metric."""
    s, y = one_list(0)
    return Case(
        loss=type(loss).__name__,
        name=f"{ALLRANK}{module}.{name}",
        fields=fields,
        ours=lambda s: loss(s, y),
        theirs=lambda s: 1 + allrank(module, name, **fields)(s, y),
        at=s,
        within=1e-4,
    )


CASES += [
    _smooth(wald.ApproxNDCG(), "approxNDCG", "approxNDCGLoss"),
    _smooth(wald.NeuralNDCG(rounds=50), "neuralNDCG", "neuralNDCG"),
    _smooth(wald.NeuralNDCG(rounds=50, k=2), "neuralNDCG", "neuralNDCG", k=2),
]


@pytest.mark.peers
def test_allrank_teaches_nothing_about_pairs_that_are_wrong_by_far() -> None:
    """It clamps the sigmoid at 1e-10, so a pair that is wrong by 30 has no slope; ln of the sigmoid has one."""
    pytest.importorskip("allrank", reason="shows what allRank computes")
    s, y = torch.tensor([[-20.0, 20.0]]), torch.tensor([[1.0, 0.0]])
    ours, other = leaf(s), leaf(s)
    wald.LambdaRank(like="allrank", weights="lambda_rank")(ours, y).backward()
    allrank("lambdaLoss", "lambdaLoss", weighing_scheme="lambdaRank_scheme")(other, y).backward()
    assert ours.grad is not None
    assert other.grad is not None
    assert not other.grad.any()
    assert ours.grad[0, 0] < -0.1


@pytest.mark.peers
def test_pairs_of_several_lists_are_pooled_by_sentence_transformers() -> None:
    pytest.importorskip("sentence_transformers", reason="compares with sentence-transformers")
    generator = torch.Generator().manual_seed(0)
    s, y = (
        torch.randn(ROWS, ITEMS, generator=generator),
        torch.randint(0, 3, (ROWS, ITEMS), generator=generator).float(),
    )
    wanted = sentence_transformers("RankNetLoss")(s, y)
    pairs = (y.unsqueeze(-1) > y.unsqueeze(-2)).sum()
    found = wald.RankNet(average=False, bits=True)(s, y, normalizer=pairs)
    torch.testing.assert_close(found, wanted)
    assert not torch.isclose(wald.RankNet(like="sentence-transformers")(s, y), wanted)


@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_torch_s_margin_ranking_says_by_a_sign_which_is_first(margin: float) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    sign = torch.where(torch.rand(7, generator=generator) < 0.5, -1.0, 1.0)
    mine, theirs = leaf(a), leaf(a)
    chosen, rejected = torch.where(sign > 0, mine, b), torch.where(sign > 0, b, mine)
    loss = wald.MarginRanking(like="torch.nn.MarginRankingLoss", margin=margin)
    value = loss(chosen, rejected)
    wanted = nn.MarginRankingLoss(margin=margin)(theirs, b, sign)
    torch.testing.assert_close(value, wanted)
    value.backward()
    wanted.backward()
    torch.testing.assert_close(mine.grad, theirs.grad)
    assert wald.MarginRanking(like="torch")(a, a) == 0
    assert wald.MarginRanking()(a, a) == 1
