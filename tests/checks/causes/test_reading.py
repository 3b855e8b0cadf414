"""Saved batches: which files are read, what is refused, and which tensor is which input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald
from wald.checks.batches import BatchError, calling, read

from .bad_batches import normal


def saved(tmp_path: Path, name: str, held: object) -> Path:
    path = tmp_path / name
    torch.save(held, path)
    return path


def test_torch_save_npz_and_records_are_read(tmp_path: Path) -> None:
    x, y = normal(8), normal(8, seed=1)
    files = [saved(tmp_path, "batch.pt", {"pred": x, "target": y})]
    np.savez(tmp_path / "batch.npz", pred=x.numpy(), target=y.numpy())
    record = np.zeros(8, dtype=[("pred", "f4"), ("target", "f4")])
    record["pred"], record["target"] = x.numpy(), y.numpy()
    np.save(tmp_path / "batch.npy", record)
    files += [tmp_path / "batch.npz", tmp_path / "batch.npy"]
    for path in files:
        batch = read(path)
        assert list(batch.tensors) == ["pred", "target"]
        assert torch.equal(batch.tensors["pred"], x)
        assert wald.why(str(path), F.mse_loss).verdict == "pass"


def test_a_file_is_reproduced_by_its_name(tmp_path: Path) -> None:
    path = saved(tmp_path, "batch.pt", {"logits": normal(8, 300).softmax(-1), "labels": torch.arange(8)})
    code = wald.why(path, "torch.nn.functional:cross_entropy").findings[0].evidence["reproduce"]
    assert str(path) in code
    exec(code, {"__builtins__": __builtins__, "print": lambda *args: None})


def test_memory_sequences_numbers_and_odd_tensors() -> None:
    sparse = torch.eye(3).to_sparse()
    found = read({"a": [1.0, 2.0], "b": np.float32(3), "c": sparse, "name": "run 7", "meta": {"step": 4}}).tensors
    assert found["a"].tolist() == [1.0, 2.0]
    assert found["b"].item() == 3
    assert found["c"].layout == torch.strided
    assert found["step"].item() == 4
    assert "name" not in found
    assert list(read((normal(2), normal(2))).tensors) == ["0", "1"]
    assert wald.why((normal(4), normal(4)), wald.Squared()).verdict == "pass"


class Config:
    pass


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda d: d / "batch.ptt", "the nearest is"),
        (lambda d: saved(d, "object.pt", {"config": Config()}), "Config"),
        (lambda d: saved(d, "word.pt", "hello"), "cannot be a str"),
        (lambda d: saved(d, "words.pt", {"a": "hello"}), "holds no tensor (a: str)"),
        (lambda d: (d / "text.pt").write_text("not a batch") and d / "text.pt", "text.pt"),
        (lambda d: (d / "bad.npz").write_text("not a batch") and d / "bad.npz", "bad.npz"),
        (lambda d: np.save(d / "o.npy", np.array([Config()], dtype=object)) or d / "o.npy", "Python objects"),
        (lambda d: d, "folder"),
    ],
)
def test_what_is_no_batch_is_refused_with_what_to_save(tmp_path: Path, make, told: str) -> None:
    saved(tmp_path, "batch.pt", {"pred": normal(2)})
    with pytest.raises(BatchError, match=r"torch\.save|numpy\.savez") as refused:
        read(make(tmp_path))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("loss", "keys", "order"),
    [
        (F.mse_loss, ["y", "yhat"], ["yhat", "y"]),
        (F.cross_entropy, ["labels", "logits"], ["logits", "labels"]),
        (F.cross_entropy, ["input", "target"], ["input", "target"]),
        (wald.Huber(), ["x", "y", "pred"], ["pred", "y"]),
        (wald.Huber(), ["first", "second"], ["first", "second"]),
        (wald.DPO(), ["ref_rejected_logps", "policy_rejected_logps", "policy_chosen_logps", "ref_chosen_logps"],
         ["policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps"]),
        (wald.Triplet(), ["neg", "pos", "anchor"], ["anchor", "pos", "neg"]),
        (wald.InfoNCE(), ["text_embeds", "image_embeds"], ["image_embeds", "text_embeds"]),
        (wald.Squared(), ["weights", "Target", "Prediction"], ["Prediction", "Target", "weights"]),
        (lambda y_true, y_pred: (y_true - y_pred).abs().mean(), ["pred", "target"], ["target", "pred"]),
        (lambda a, b: (a - b).abs().mean(), ["target", "prediction"], ["prediction", "target"]),
    ],
)  # fmt: skip
def test_names_find_their_inputs(loss: object, keys: list[str], order: list[str]) -> None:
    call, _, _ = calling(loss, read({key: normal(4) for key in keys}))
    assert [slot.saved for slot in call.slots] == order


def test_a_keras_loss_has_its_prediction_second() -> None:
    def keras(y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_true - y_pred).square().mean()

    call, _, _ = calling(keras, read({"y_true": normal(4), "y_pred": normal(4)}))
    assert [slot.role for slot in call.slots] == ["target", "prediction"]


def test_a_missing_input_is_named_with_the_nearest() -> None:
    with pytest.raises(BatchError, match="'tragets' looks like target"):
        calling(wald.Squared(), read({"prediction": normal(2), "tragets": normal(2), "images": normal(2)}))
    with pytest.raises(BatchError, match="takes anchor and positive and negative"):
        calling(F.triplet_margin_loss, read({"prediction": normal(2), "target": normal(2)}))
