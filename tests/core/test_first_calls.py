"""Five fields' first wrong calls: the message holds the code that mends them, and that code runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

import wald

SOURCE = torch.Generator().manual_seed(0)


def scores(*shape: int) -> Tensor:
    return torch.randn(shape, generator=SOURCE)


def ids(count: int, *shape: int) -> Tensor:
    return torch.randint(count, shape, generator=SOURCE)


#: A field's typical inputs, by short names; the first is what a model emits.
TABULAR = {
    "column": scores(8, 1),
    "score": scores(8),
    "y": scores(8),
    "yes": ids(2, 8),
    "logits": scores(8, 3),
    "ids": ids(3, 8),
    "quantiles": scores(8, 2),
    "weights": torch.rand(8, generator=SOURCE),
    "times": torch.rand(8, generator=SOURCE),
    "members": scores(8, 5),
}
IMAGES = {
    "logits": scores(4, 5),
    "ids": ids(5, 4),
    "maps": scores(2, 3, 6, 6),
    "mask": ids(3, 2, 6, 6),
    "mask1": ids(3, 2, 1, 6, 6),
    "hot": one_hot(ids(3, 2, 6, 6), 3).movedim(-1, 1),
}
VOLUMES = {
    "volume": scores(2, 4, 3, 3, 3),
    "truth": ids(4, 2, 3, 3, 3),
    "truth1": ids(4, 2, 1, 3, 3, 3),
    "hot": one_hot(ids(4, 2, 3, 3, 3), 4).movedim(-1, 1),
    "one": scores(2, 1, 3, 3, 3),
    "one_truth": ids(2, 2, 1, 3, 3, 3),
    "one_flat": ids(2, 2, 3, 3, 3).float(),
}
RETRIEVAL = {
    "a": scores(6, 8),
    "b": scores(6, 8),
    "c": scores(6, 8),
    "labels": torch.tensor([0, 0, 1, 1, 2, 2]),
    "views": scores(3, 2, 8),
    "list": scores(6, 4),
    "relevance": ids(3, 6, 4),
}
SPEECH = {
    "frames_first": scores(9, 3, 5),
    "emissions": scores(3, 9, 5),
    "text": 1 + ids(4, 3, 3),
    "joined": 1 + ids(4, 6),
    "frames": torch.tensor([9, 9, 8]),
    "lengths": torch.tensor([3, 1, 2]),
    "tokens": scores(3, 4, 5),
    "ids": ids(5, 12),
    "sound": scores(2, 1, 40),
}
FIELDS = {"tabular": TABULAR, "images": IMAGES, "volumes": VOLUMES, "retrieval": RETRIEVAL, "speech": SPEECH}

#: field, the loss as it is first written, the inputs, and the code in the message that mends the call.
CALLS = [
    ("tabular", "Squared()", "column y", "target.unsqueeze(-1)"),
    ("tabular", "Squared()", "column y", "prediction.squeeze(-1)"),
    ("tabular", "Squared()", "score y weights", "Squared()(prediction, target, weight=...)"),
    ("tabular", "CrossEntropy()", "score yes", "wald.BinaryCrossEntropy()(prediction, target)"),
    ("tabular", "CrossEntropy()", "column yes", "BinaryCrossEntropy()(prediction.squeeze(-1), target)"),
    ("tabular", "BinaryCrossEntropy()", "logits ids", "wald.CrossEntropy()(prediction, target)"),
    ("tabular", "Focal()", "logits ids", "Focal(kind='multiclass')"),
    ("tabular", "CrossEntropy()", "logits ids.float()", "target.long()"),
    ("tabular", "CrossEntropy()", "logits ids[:,None]", "target.squeeze(-1)"),
    ("tabular", "CRPS()", "members y[:,None]", "target.squeeze(-1)"),
    ("tabular", "Cox()", "column times yes", "prediction.squeeze(-1)"),
    ("images", "CrossEntropy()", "maps mask", "CrossEntropy(axis=1)"),
    ("images", "CrossEntropy()", "maps mask1.float()", "CrossEntropy(axis=1)(prediction, target.squeeze(1).long())"),
    ("images", "CrossEntropy(axis=1)", "maps mask1", "target.squeeze(1)"),
    ("images", "CrossEntropy(axis=1)", "maps hot", "target.argmax(1)"),
    ("images", "CrossEntropy(axis=1)", "maps hot", "target.float()"),
    ("images", "Hinge()", "logits ids", "wald.CrammerSinger()(prediction, target)"),
    ("images", "Poly()", "maps mask", "Poly(axis=1)"),
    ("volumes", "Dice()", "volume truth", "Dice(kind='multiclass', axis=1)"),
    ("volumes", "Dice()", "volume truth1", "Dice(kind='multiclass', axis=1)(prediction, target.squeeze(1))"),
    ("volumes", "Dice()", "volume hot", "Dice(kind='multiclass', axis=1)(prediction, target.argmax(1))"),
    ("volumes", "Dice()", "one one_truth", "Dice(axis=1)"),
    ("volumes", "Dice(axis=1)", "one one_flat", "prediction.squeeze(1)"),
    ("volumes", "Dice(kind='multiclass', axis=1)", "volume hot", "target.argmax(1)"),
    ("volumes", "Dice(kind='multiclass', axis=1)", "volume.movedim(1,-1) truth", "prediction.movedim(-1, 1)"),
    ("volumes", "Jaccard()", "volume truth", "Jaccard(kind='multiclass', axis=1)"),
    ("volumes", "LovaszSoftmax()", "volume truth", "LovaszSoftmax()(prediction.flatten(2).mT, target.flatten(1))"),
    ("volumes", "LovaszHinge()", "one one_truth", "LovaszHinge()(prediction.flatten(1), target.flatten(1))"),
    ("volumes", "BinaryCrossEntropy()", "one one_flat", "target.unsqueeze(1)"),
    ("volumes", "BinaryCrossEntropy()", "volume truth", "wald.CrossEntropy(axis=1)(prediction, target)"),
    ("retrieval", "Triplet()", "a labels", "wald.BatchTriplet()(embedding, label)"),
    ("retrieval", "BatchTriplet()", "a b c", "wald.Triplet()(anchor, positive, negative)"),
    ("retrieval", "InfoNCE()", "a labels", "wald.SupCon()(embedding, label)"),
    ("retrieval", "SupCon()", "views labels[::2]", "SupCon()(embedding.flatten(0, 1), label.repeat_interleave(2))"),
    ("retrieval", "SupCon()", "a labels[:,None]", "label.squeeze(-1)"),
    ("retrieval", "SupCon()", "a one_hot(labels)", "label.argmax(-1)"),
    ("speech", "CTC()", "frames_first text frames lengths", "prediction.transpose(0, 1)"),
    (
        "speech",
        "CTC()",
        "emissions joined frames lengths",
        "CTC()(prediction, torch.nn.utils.rnn.pad_sequence(target.split(length.tolist()), batch_first=True), frames, "
        "length)",
    ),
    ("speech", "CrossEntropy()", "tokens ids", "target.reshape(3, 4)"),
    ("speech", "CrossEntropy()", "tokens.mT ids.reshape(3,4)", "CrossEntropy(axis=1)"),
    ("speech", "Absolute()", "sound sound.mT", "target.mT"),
]


def made(expression: str) -> wald.Loss:
    loss = eval(f"wald.{expression}", {"wald": wald})
    assert isinstance(loss, wald.Loss)
    return loss


def pasted(loss: wald.Loss, inputs: list[Tensor], code: str) -> Tensor:
    """What the code of a message gives when it is pasted: a whole call, another loss, or one input put right."""
    scope = {kind.__name__: kind for kind in wald.catalogue()} | {"torch": torch, "wald": wald}
    names = [name for name, _ in loss.named_domains]
    # A loss nearby calls its inputs by other names; they come in the order in which they were given.
    _, _, called = code.rpartition("(")
    theirs = [name.strip() for name in called.rstrip(")").split(",")] if code.startswith("wald.") else names
    scope |= dict(zip(theirs, inputs, strict=False)) | dict(zip(names, inputs, strict=False))
    found = eval(code.replace("weight=...", "weight=weights"), scope | {"weights": inputs[-1]})
    if isinstance(found, wald.Loss):
        return found(*inputs)
    if code.partition(".")[0] in names:
        return loss(*(found if name == code.partition(".")[0] else x for name, x in zip(names, inputs, strict=True)))
    return found


@pytest.mark.parametrize(
    ("field", "loss", "inputs", "fix"), CALLS, ids=[f"{f}: {c}({i}) -> {x}" for f, c, i, x in CALLS]
)
def test_the_first_wrong_call_says_what_to_write_and_that_runs(field: str, loss: str, inputs: str, fix: str) -> None:
    given = [eval(each, {"one_hot": one_hot}, FIELDS[field]) for each in inputs.split(" ")]
    called = made(loss)
    with pytest.raises((ValueError, TypeError)) as caught:
        called(*given)
    assert fix in str(caught.value)
    assert pasted(called, given, fix).isfinite()


#: A loss as people make it elsewhere, and as the message says that it is made here.
HABITS = [
    ("Squared(reduction='none')", "Squared()(prediction, target, reduction='none')"),
    ("Squared(size_average=False)", "Squared()(prediction, target, reduction='sum')"),
    ("Huber(1.5)", "Huber(delta=1.5)"),
    ("Huber(beta=0.5)", "Huber(delta=0.5)"),
    ("SmoothL1(delta=0.5)", "SmoothL1(beta=0.5)"),
    ("Pinball(quantile=0.9)", "Pinball(level=0.9)"),
    ("Tweedie(variance_power=1.5)", "Tweedie(power=1.5)"),
    ("BinaryCrossEntropy(scale_pos_weight=9)", "BinaryCrossEntropy(pos_weight=9)"),
    ("BinaryCrossEntropy(class_weight={0: 2, 1: 10})", "BinaryCrossEntropy(pos_weight=5.0)"),
    ("BinaryCrossEntropy(from_logits=True)", "BinaryCrossEntropy()"),
    ("CrossEntropy(weight=[1, 2])", "CrossEntropy(class_weight=[1, 2])"),
    ("CrossEntropy(smoothing=0.1)", "CrossEntropy(label_smoothing=0.1)"),
    ("CrossEntropy(ignore_class=255, dim=1)", "CrossEntropy(ignore_index=255, axis=1)"),
    ("LDAM(cls_num_list=[3, 5], max_m=0.4)", "LDAM(counts=[3, 5], max_margin=0.4)"),
    ("ArcFace(m=0.4, s=30)", "ArcFace(margin=0.4, scale=30)"),
    ("SSIM(window_size=7)", "SSIM(window=7)"),
    ("Dice(include_background=False)", "Dice(background=False)"),
    ("Dice(to_onehot_y=True, softmax=True, squared_pred=True)", "Dice(kind='multiclass', squared=True)"),
    ("Dice(smooth_nr=0, smooth_dr=1e-05)", "Dice(smooth=0, below=1e-05)"),
    ("Dice(mode='multi-class')", "Dice(kind='multiclass')"),
    ("DiceCrossEntropy(lambda_dice=1, lambda_ce=2)", "DiceCrossEntropy(dice=1, pixel=2)"),
    ("InfoNCE(tau=0.07)", "InfoNCE(temperature=0.07)"),
    ("InfoNCE(scale=20)", "InfoNCE(temperature=0.05)"),
    ("InfoNCE(normalize=False)", "InfoNCE(normalise=False)"),
    ("BatchTriplet(type_of_triplets='semihard')", "BatchTriplet(mining='semi-hard')"),
    ("ContrastivePair(m=0.5)", "ContrastivePair(margin=0.5)"),
    ("LambdaRank(ndcg_at=10)", "LambdaRank(k=10)"),
    ("CTC(zero_infinity=True)", "CTC()"),
    ("CTC(blank_id=3)", "CTC(blank=3)"),
    ("STFT(n_fft=256, hop_length=64)", "STFT(fft=256, hop=64)"),
    ("GuidedAttention(sigma=0.3)", "GuidedAttention(width=0.3)"),
    ("NextToken()", "NextToken(shift=False)"),
    ("Dice(smoth=2.0)", "Dice(smooth=2.0)"),
]


@pytest.mark.parametrize(("habit", "ours"), HABITS, ids=[habit for habit, _ in HABITS])
def test_a_field_of_another_library_is_named_as_it_is_here(habit: str, ours: str) -> None:
    with pytest.raises(TypeError) as caught:
        made(habit)
    assert f"Use {ours}" in str(caught.value)
    pasted(wald.Squared(), [torch.zeros(2), torch.zeros(2)], ours) if "prediction" in ours else made(ours)


def test_a_field_that_nobody_knows_is_answered_with_those_there_are() -> None:
    with pytest.raises(TypeError, match=r"Huber has no field wobble. Its fields are delta: where squared"):
        made("Huber(wobble=1)")
    with pytest.raises(TypeError, match=r"gamma_neg is a field of AsymmetricFocal"):
        made("Asymmetric(gamma_neg=4)")
    with pytest.raises(TypeError, match=r"wald show Dice"):
        made("Dice(wobble=1)")


def test_what_has_no_counterpart_is_not_answered_with_a_loss_that_lacks_it() -> None:
    with pytest.raises(TypeError) as caught:
        made("Dice(jaccard=True)")
    assert "wald.Jaccard" in str(caught.value)
    assert "Use Dice" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"y_pred": 0, "y_true": 0}, "Use Squared()(prediction, target)."),
        ({"input": 0, "target": 0}, "input is prediction here. Use Squared()(prediction, target)."),
        ({"prediction": 0, "target": 0, "sample_weight": 0}, "Use Squared()(prediction, target, weight=...)."),
        ({"prediction": 0, "target": 0, "padding_mask": 0}, "Use Squared()(prediction, target, mask=~padding_mask)."),
        ({"prediction": 0}, "target is missing"),
        ({"prediction": 0, "wobble": 0}, "has no input wobble"),
    ],
)
def test_inputs_by_the_names_that_they_have_elsewhere(named: dict[str, int], says: str) -> None:
    with pytest.raises(TypeError) as caught:
        wald.Squared()(**dict.fromkeys(named, torch.zeros(2)))
    assert says in str(caught.value)


@pytest.mark.parametrize("wrong", ["0.5 * loss", "loss * 0.5", "loss + loss", "sum([loss, loss])"])
def test_losses_are_added_as_numbers_or_as_terms(wrong: str) -> None:
    with pytest.raises(
        TypeError, match=r"0\.5 \* Huber\(delta=2\.0\)\(prediction, target\).*wald\.Objective\("
    ) as caught:
        eval(wrong, {"loss": wald.Huber(delta=2.0)})
    said = str(caught.value).rpartition("terms that are seen one by one: ")[2].rstrip(".")
    scope = {"wald": wald, "Huber": wald.Huber}
    assert eval(said.replace("second=...", "second=wald.Squared()"), scope)(
        prediction=torch.zeros(2), target=torch.ones(2)
    ).total.isfinite()


def test_a_loss_is_made_before_it_is_called() -> None:
    with pytest.raises(TypeError, match=r"Use Squared\(\)\(prediction, target\)"):
        wald.Squared(torch.zeros(2), torch.zeros(2))  # pyright: ignore[reportCallIssue]
    with pytest.raises(
        AttributeError, match=r"wald\.CTC\(\)\(prediction, target, frames, length\).*like='torch\.nn\.CTC"
    ):
        wald.CTCLoss  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cuda", "leave the call out"),
        ("parameters", "nothing to optimise"),
        ("forward", "Call it: Huber(delta=2.0)(prediction, target)"),
        ("state_dict", "to_dict"),
        ("reduction", "said in the call"),
        ("detla", "Its fields are delta"),
    ],
)
def test_what_modules_have(name: str, says: str) -> None:
    loss = wald.Huber(delta=2.0)
    assert not hasattr(loss, name)
    with pytest.raises(AttributeError) as caught:
        getattr(loss, name)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ("CrossEntropy(ignore_index=None)", "a whole number is wanted, got None"),
        ("CrossEntropy(class_weight='balanced')", "torch.bincount"),
        ("Dice(axis=2)", "must be one of -1, 1, got 2"),
        ("Dice(kind='multi-class')", "did you mean 'multiclass'?"),
    ],
)
def test_values_that_no_field_takes(loss: str, says: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        made(loss)
    assert says in str(caught.value)


def test_a_learned_temperature_is_not_quietly_frozen() -> None:
    learned = torch.nn.Parameter(torch.tensor(0.07))
    with pytest.raises(TypeError, match="would not be learned"):
        wald.InfoNCE(temperature=learned)  # pyright: ignore[reportArgumentType]
    assert wald.InfoNCE(temperature=learned.item()).temperature == pytest.approx(0.07)


@pytest.mark.parametrize(("given", "says"), [([1.0, 2.0], "torch.as_tensor(weight)"), (2.0, "2.0 * loss(...)")])
def test_weights_that_are_no_tensor(given: object, says: str) -> None:
    with pytest.raises(wald.DtypeError) as caught:
        wald.Squared()(torch.zeros(2), torch.zeros(2), weight=given)  # pyright: ignore[reportArgumentType]
    assert says in str(caught.value)


def test_masks_of_parts_of_an_example_say_how_parts_are_left_out() -> None:
    volume, truth = VOLUMES["volume"], VOLUMES["truth"]
    seen = truth != 0
    with pytest.raises(wald.ShapeError, match=r"Dice\(ignore_index=255\) with target\.masked_fill\(~mask, 255\)"):
        wald.Dice(kind="multiclass", axis=1)(volume, truth, mask=seen)
    loss = wald.Dice(kind="multiclass", axis=1, ignore_index=255)
    assert loss(volume, truth.masked_fill(~seen, 255)).isfinite()
    items, relevance = RETRIEVAL["list"], RETRIEVAL["relevance"].float()
    with pytest.raises(wald.ShapeError, match=r"relevance\.masked_fill\(~mask, -torch\.inf\)"):
        wald.ListNet()(items, relevance, mask=relevance > 0)
    with pytest.raises(wald.ShapeError, match=r"mask\.expand\(3, 4\)"):
        wald.Squared()(torch.zeros(3, 4), torch.zeros(3, 4), mask=torch.ones(4).bool())
    with pytest.raises(wald.ShapeError, match=r"CrossEntropy\(class_weight=weight\)"):
        wald.CrossEntropy()(TABULAR["logits"], TABULAR["ids"], weight=torch.ones(3))


@pytest.mark.parametrize("elsewhere", ["batchmean", "elementwise_mean", "sum_over_batch_size"])
def test_reductions_by_the_names_that_they_have_elsewhere(elsewhere: str) -> None:
    x, y = torch.ones(2), torch.zeros(2)
    with pytest.raises(ValueError, match=r'Use reduction="mean"'):
        wald.Squared()(x, y, reduction=elsewhere)  # pyright: ignore[reportArgumentType]


def test_ids_may_be_whole_floats_and_no_others() -> None:
    a, labels = RETRIEVAL["a"], RETRIEVAL["labels"]
    assert wald.BatchTriplet()(a, labels.float()) == wald.BatchTriplet()(a, labels)
    with pytest.raises(wald.DomainError, match=r"contains 0\.5; expected a class id, a whole number"):
        wald.BatchTriplet()(a, labels + 0.5)
    emissions, text, frames, lengths = (SPEECH[name] for name in ("emissions", "text", "frames", "lengths"))
    assert wald.CTC()(emissions, text.float(), frames.float(), lengths) == wald.CTC()(emissions, text, frames, lengths)


def test_inputs_that_look_swapped_are_told_apart() -> None:
    score, times, yes = TABULAR["score"], 1 + TABULAR["times"], TABULAR["yes"]
    with pytest.raises(wald.DomainError, match="event and time look swapped"):
        wald.Cox()(score, yes, times)
    emissions, text, frames, lengths = (SPEECH[name] for name in ("emissions", "text", "frames", "lengths"))
    with pytest.raises(wald.DomainError, match="frames and length look swapped"):
        wald.CTC()(emissions, text, lengths, frames)
    with pytest.raises(wald.ShapeError, match="look swapped: CRPS takes prediction, target"):
        wald.CRPS()(TABULAR["y"], TABULAR["members"])


def test_a_prediction_outside_its_domain_is_told_how_it_gets_there() -> None:
    with pytest.raises(wald.DomainError, match=r"torch\.nn\.functional\.softplus\(prediction\)"):
        wald.SquaredLog()(TABULAR["score"] - 5, TABULAR["times"])


def test_text_of_which_some_is_padding_says_where_the_length_is() -> None:
    emissions, frames = SPEECH["emissions"], SPEECH["frames"]
    padded = torch.tensor([[1, 2, 3], [1, -1, -1], [2, 3, -1]])
    with pytest.raises(wald.DomainError, match=r"length=\(target != -1\)\.sum\(-1\)"):
        wald.CTC()(emissions, padded, frames, torch.full((3,), 3))
    assert wald.CTC()(emissions, padded, frames, (padded != -1).sum(-1)).isfinite()


def test_nothing_is_tried_while_compiling_or_on_a_call_that_is_right() -> None:
    """The search for a mend belongs to errors: a healthy call must not pay for it."""
    from wald.core import mending

    def never(*_: object) -> str:
        raise AssertionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mending, "_mended", never)
        patch.setattr(mending, "_fitting", never)
        wald.Dice(kind="multiclass", axis=1)(VOLUMES["volume"], VOLUMES["truth"])
        wald.CTC()(*(SPEECH[name] for name in ("emissions", "text", "frames", "lengths")))
