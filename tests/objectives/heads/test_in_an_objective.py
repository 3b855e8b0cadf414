"""Heads inside an objective: it reads what they are called with, holds them, and stores them."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import wald


def objective() -> wald.Objective:
    return wald.Objective(
        proxies=wald.Term(wald.ProxyAnchor(), heads={"cosine": wald.Proxies(3, 4)}),
        centre=wald.Term(wald.Center(), weight=0.1, heads={"target": wald.ClassCentres(3, 4)}),
    )


@pytest.fixture
def batch(rng: torch.Generator) -> dict[str, Tensor]:
    return {"embedding": torch.randn(6, 4, generator=rng), "label": torch.tensor([0, 1, 2, 0, 1, 2])}


def test_it_is_the_sum_of_losses_given_what_heads_make(batch: dict[str, Tensor]) -> None:
    whole = objective()
    proxies, centres = whole.proxies_cosine, whole.centre_target
    assert proxies is whole.terms["proxies"].heads["cosine"]
    outcome = whole(**batch)
    x, label = batch["embedding"], batch["label"]
    wanted = wald.ProxyAnchor()(proxies(x), label) + 0.1 * wald.Center()(x, centres(label))
    torch.testing.assert_close(outcome.total, wanted)
    outcome.total.backward()
    assert proxies.vectors.grad.abs().sum() > 0
    centres.update(x, label)
    assert whole(**batch).terms["centre"] < outcome.terms["centre"]


def test_it_holds_parameters_and_state(batch: dict[str, Tensor]) -> None:
    one, two = objective(), objective()
    assert [name for name, _ in one.named_parameters()] == ["proxies_cosine.vectors"]
    one.centre_target.update(**batch)
    with torch.no_grad():
        one.proxies_cosine.vectors.add_(1)
    assert set(one.state_dict()) == {
        "proxies_weight", "centre_weight", "proxies_cosine.vectors", "centre_target.vectors"
    }  # fmt: skip
    two.load_state_dict(one.state_dict())
    torch.testing.assert_close(two(**batch).total, one(**batch).total)
    assert one.double().proxies_cosine.vectors.dtype == torch.float64


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_a_copy_has_heads_of_its_own(twin: object, batch: dict[str, Tensor]) -> None:
    one = objective()
    two = twin(one)
    torch.testing.assert_close(two(**batch).total, one(**batch).total)
    assert two.proxies_cosine is two.terms["proxies"].heads["cosine"]
    before = one(**batch).total
    with torch.no_grad():
        two.proxies_cosine.vectors.zero_()
    assert one(**batch).total == before != two(**batch).total


def test_moco_and_dino(rng: torch.Generator) -> None:
    queue, centre = wald.Queue(8, 4, start="random"), wald.RunningMean(4)
    whole = wald.Objective(
        moco=wald.Term(wald.MoCo(), heads={"negative": queue}), dino=wald.Term(wald.DINO(), heads={"centre": centre})
    )
    query, key = torch.randn(2, 5, 4, generator=rng).unbind()
    positive = (query * key).sum(-1)
    outcome = whole(query=query, positive=positive, student=query, target=key)
    torch.testing.assert_close(outcome.terms["moco"], wald.MoCo()(positive, queue(query)))
    torch.testing.assert_close(outcome.terms["dino"], wald.DINO()(query, key, centre(key)))


def test_what_a_head_reads_can_go_by_another_name(batch: dict[str, Tensor]) -> None:
    term = wald.Term(
        wald.ProxyAnchor(),
        reads={"embedding": "of_image", "label": "kind"},
        heads={"cosine": wald.Proxies(3, 4)},
    )
    assert term.sources == {
        "embedding": "of_image", "label": "kind", "weight": "weight", "mask": "mask"
    }  # fmt: skip
    found = wald.Objective(a=term)(of_image=batch["embedding"], kind=batch["label"])
    plain = wald.Objective(a=wald.Term(wald.ProxyAnchor(), heads=term.heads))(**batch)
    assert found.total == plain.total


def test_any_module_that_names_what_it_takes_is_a_head(batch: dict[str, Tensor]) -> None:
    term = wald.Term(wald.CrossEntropy(), reads={"input": "embedding", "target": "label"}, heads={
        "prediction": nn.Linear(4, 3)
    })  # fmt: skip
    assert wald.Objective(a=term)(**batch).total.requires_grad


def test_masks_and_weights_are_those_of_the_loss(batch: dict[str, Tensor]) -> None:
    whole, keep = objective(), torch.tensor([True, True, False, True, True, False])
    part = whole({name: x[keep] for name, x in batch.items()})
    torch.testing.assert_close(whole(**batch, mask=keep).total, part.total)


def test_wrong_heads_are_refused(batch: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="ProxyAnchor takes cosine, label; heads make cosines"):
        wald.Term(wald.ProxyAnchor(), heads={"cosines": wald.Proxies(3, 4)})
    with pytest.raises(TypeError, match=r"a head is a module, such as wald\.Proxies\(10, 64\), got 3"):
        wald.Term(wald.ProxyAnchor(), heads={"cosine": 3})
    with pytest.raises(TypeError, match=r"the forward of LearnedScale must name .*\*vectors"):
        wald.Term(wald.InfoNCE(), heads={"query": wald.LearnedScale()})
    with pytest.raises(ValueError, match="ProxyAnchor takes embedding, label, weight, mask; reads names cosine"):
        wald.Term(wald.ProxyAnchor(), reads={"cosine": "x"}, heads={"cosine": wald.Proxies(3, 4)})
    with pytest.raises(TypeError, match=r"term 'centre'.*embedding is missing|term 'proxies'.*embedding is missing"):
        objective()(label=batch["label"])
    with pytest.raises(TypeError, match="no term reads cosine"):
        objective()(**batch, cosine=batch["embedding"])
    with pytest.raises(ValueError, match=r"term 'proxies': Proxies: embedding \(6, 5\)"):
        objective()(embedding=torch.zeros(6, 5), label=batch["label"])


@pytest.mark.slow
def test_it_is_captured_whole_by_the_compiler(batch: dict[str, Tensor]) -> None:
    torch.compiler.reset()
    whole = objective()
    compiled = torch.compile(whole, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(**batch).total, whole(**batch).total)
