"""Models of Hugging Face, tiny and untrained: what they emit is what the library computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import wald
from wald.audits import Case, CaseError

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SOURCE = torch.Generator().manual_seed(0)
TOKENS = torch.randint(3, 30, (40, 10), generator=SOURCE)
TOKENS[::3, 7:] = 0


def classifier(classes: int = 2, **more: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=16, pad_token_id=0, num_labels=classes, **more,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def generator() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=8, max_position_embeddings=16, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_of_sequences(classes: int) -> None:
    model = classifier(classes)
    target = TOKENS[:, 0] % classes
    case = Case(model=model, loss="cross_entropy", metric="accuracy", test=(TOKENS, target))
    assert case.original is model
    assert case.input_space.tokens == 30
    assert model.training
    with torch.no_grad():
        case.model.eval()  # type: ignore[union-attr]
        theirs = model(input_ids=TOKENS, attention_mask=(TOKENS != 0).long()).logits
        assert torch.allclose(case.model(TOKENS), theirs)  # type: ignore[misc]
    if classes == 2:
        one = Case(model=model, loss="log_loss", metric="accuracy", test=(TOKENS, target.float()))
        assert torch.allclose(one.model(TOKENS), theirs[:, 1] - theirs[:, 0])  # type: ignore[misc]


def test_names_of_classes_in_the_order_of_the_model() -> None:
    model = classifier(id2label={0: "spam", 1: "ham"}, label2id={"spam": 0, "ham": 1})
    names = ["ham" if one else "spam" for one in (TOKENS[:, 0] % 2).tolist()]
    case = Case(model=model, loss="cross_entropy", metric="accuracy", test=(TOKENS, names))
    assert case.classes == ("spam", "ham")
    assert case.test[1].tolist() == (TOKENS[:, 0] % 2).tolist()


@pytest.mark.parametrize("loss", ["cross_entropy", wald.NextToken(shift=True)])
def test_every_token_of_a_text_is_a_row(loss: Any) -> None:
    model = generator()
    labels = TOKENS.masked_fill(TOKENS == 0, -100)
    groups = {"length": ["short" if one == 0 else "long" for one in TOKENS[:, -1].tolist()]}
    case = Case(model=model, loss=loss, metric="log_loss", test=(TOKENS, labels), groups=groups)
    with torch.no_grad():
        theirs = float(model(input_ids=TOKENS, attention_mask=(TOKENS != 0).long(), labels=labels).loss)
        prediction = case.model(case.test[0])  # type: ignore[misc]
    assert case.metric.value(prediction, case.test[1]) == pytest.approx(theirs, rel=1e-5)
    assert float(case.loss(prediction, case.test[1])) == pytest.approx(theirs, rel=1e-5)
    assert len(case.test[1]) == int((TOKENS[:, 1:] != 0).sum())
    assert len(set(case.clusters or ())) == 40
    assert len(case.groups["length"]) == len(case.test[1])


def test_targets_that_are_moved_already_are_not_moved_again() -> None:
    model = generator()
    text = torch.randint(3, 30, (20, 9), generator=torch.Generator().manual_seed(1))
    moved = Case(model=model, loss=wald.NextToken(shift=False), metric="log_loss", test=(text[:, :-1], text[:, 1:]))
    itself = Case(model=model, loss=wald.NextToken(shift=True), metric="log_loss", test=(text, text))
    assert torch.equal(moved.test[1], itself.test[1])
    with torch.no_grad():
        assert torch.allclose(moved.model(moved.test[0]), itself.model(itself.test[0]), atol=1e-6)  # type: ignore[misc]


def test_the_next_token_alone_may_be_the_target() -> None:
    case = Case(model=generator(), loss="cross_entropy", metric="accuracy", test=(TOKENS, TOKENS[:, 1]))
    assert case.model(TOKENS).shape == (40, 30)  # type: ignore[misc]


def test_numbers_that_are_no_tokens_are_refused() -> None:
    case = Case(model=classifier(), loss="log_loss", metric="accuracy", test=(TOKENS.float(), (TOKENS[:, 0] % 2)))
    with pytest.raises(CaseError, match="takes token numbers, which are integers"):
        wald.audit(case, level="quick", only=["preflight"])


def test_an_audit_from_end_to_end() -> None:
    model = classifier()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    case = Case(model=model, loss="log_loss", metric="accuracy", test=(TOKENS, (TOKENS[:, 0] % 2).float()))
    report = wald.audit(case, level="quick", only=["preflight", "calibration", "gaming"])
    assert report.counts["error"] == 0
    assert model.training
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
