"""Heads against the libraries that keep the same state inside of their losses."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
import torch.nn.functional as F  # noqa: N812
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import wald


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def shake(student: nn.Module, rng: torch.Generator) -> None:
    with torch.no_grad():
        for x in student.parameters():
            x += torch.randn(x.shape, generator=rng)
    student(torch.randn(8, 3, generator=rng))


def alike(one: nn.Module, two: nn.Module) -> None:
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, msg=name)


# Torch itself, every day.


@pytest.mark.parametrize("use_buffers", [False, True])
def test_torch_averages_alike(use_buffers: bool, rng: torch.Generator) -> None:
    """With buffers torch averages those of whole numbers too, rounded down; they are copied here."""
    student = net()
    teacher = wald.Teacher(student, momentum=0.9, buffers="average" if use_buffers else "copy")
    theirs = AveragedModel(student, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=use_buffers)
    theirs.update_parameters(student)  # its first is a plain copy
    for _ in range(3):
        shake(student, rng)
        teacher.update(student)
        theirs.update_parameters(student)
    found, wanted = teacher.module.state_dict(), theirs.module.state_dict()
    for name, x in found.items():
        if x.is_floating_point() or not use_buffers:
            torch.testing.assert_close(x, wanted[name], msg=name)


# Other packages.


def lightly(module: str) -> Any:
    return pytest.importorskip(f"lightly.{module}", reason="compares with it")


def pml() -> Any:
    return pytest.importorskip("pytorch_metric_learning.losses", reason="compares with it")


@pytest.mark.peers
def test_timm_averages_alike(rng: torch.Generator) -> None:
    timm = pytest.importorskip("timm.utils", reason="compares with it")
    student = net()
    teacher, theirs = wald.Teacher(student, momentum=0.9), timm.ModelEmaV3(student, decay=0.9)
    for _ in range(3):
        shake(student, rng)
        teacher.update(student)
        theirs.update(student)
    alike(teacher.module, theirs.module)


@pytest.mark.peers
def test_lightly_averages_parameters_alike(rng: torch.Generator) -> None:
    update = lightly("models.utils").update_momentum
    student = net()
    teacher, theirs = wald.Teacher(student, momentum=0.9, buffers="own"), copy.deepcopy(student)
    for _ in range(3):
        shake(student, rng)
        teacher.update(student)
        update(student, theirs, m=0.9)
    alike(teacher.module, theirs)


@pytest.mark.peers
def test_the_cosine_of_lightly_ends_one_step_sooner() -> None:
    schedule = lightly("utils.scheduler").cosine_schedule
    student = net()
    teacher = wald.Teacher(student, momentum=0.9, steps=9)
    for step in range(9):
        assert teacher.momentum == pytest.approx(schedule(step, 10, 0.9, 1.0))
        teacher.update(student)


@pytest.mark.peers
def test_the_queue_of_lightly_holds_the_same(rng: torch.Generator) -> None:
    bank = lightly("models.modules.memory_bank").MemoryBankModule(size=(6, 4))
    queue = wald.Queue(6, 4, start="random")
    with torch.no_grad():
        queue.slots.copy_(bank.bank)
    for _ in range(5):
        key = F.normalize(torch.randn(3, 4, generator=rng), dim=-1)
        _, negatives = bank(key, update=True)
        torch.testing.assert_close(queue(key), key @ negatives)
        queue.update(key)


@pytest.mark.peers
def test_a_batch_that_goes_round_the_end_is_kept_whole() -> None:
    """lightly 1.6 drops what does not fit before the end, and PML forgets when stored where the next goes."""
    bank = lightly("models.modules.memory_bank").MemoryBankModule(size=(4, 1))
    queue = wald.Queue(4, 1)
    for keys in ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]):
        bank(torch.tensor(keys).unsqueeze(-1), update=True)
        queue.update(torch.tensor(keys).unsqueeze(-1))
    assert sorted(bank.bank.flatten().tolist()) == [1, 2, 3, 4]
    assert sorted(queue.vectors.flatten().tolist()) == [3, 4, 5, 6]
    theirs = pml().CrossBatchMemory(pml().ContrastiveLoss(), embedding_size=1, memory_size=4)
    theirs(torch.ones(3, 1), torch.zeros(3, dtype=torch.long))
    again = pml().CrossBatchMemory(pml().ContrastiveLoss(), embedding_size=1, memory_size=4)
    again.load_state_dict(theirs.state_dict())
    assert (theirs.queue_idx, again.queue_idx) == (3, 0)


@pytest.mark.peers
def test_nearest_neighbours_are_those_of_lightly(rng: torch.Generator) -> None:
    bank = lightly("models.modules.nn_memory_bank").NNMemoryBankModule(size=(16, 4))
    queue, query = wald.Queue(16, 4, start="random"), torch.randn(5, 4, generator=rng)
    with torch.no_grad():
        queue.slots.copy_(bank.bank)
    torch.testing.assert_close(queue.nearest(query), bank(query))


@pytest.mark.peers
def test_the_centre_of_lightly_is_a_running_mean(rng: torch.Generator) -> None:
    centre = lightly("models.modules.center").Center(size=(1, 1, 5), momentum=0.9)
    mean = wald.RunningMean(5, momentum=0.9)
    for _ in range(3):
        scores = torch.randn(2, 7, 5, generator=rng)
        centre.update(scores)
        mean.update(scores)
    torch.testing.assert_close(mean.mean, centre.value.flatten())


@pytest.mark.peers
def test_dino_of_lightly_step_by_step(rng: torch.Generator) -> None:
    """Two views a side; the loss of each student's view against the other view of the teacher."""
    theirs = lightly("loss").DINOLoss(output_dim=5)
    loss, centre = wald.DINO(), wald.RunningMean(5, momentum=0.9)
    for _ in range(3):
        teacher, student = (torch.randn(2, 6, 5, generator=rng) for _ in range(2))
        wanted = theirs(list(teacher), list(student))
        found = sum(loss(student[1 - k], teacher[k], centre(teacher[k])) for k in range(2)) / 2
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
        centre.update(teacher)


@pytest.mark.peers
def test_swav_of_lightly_with_a_queue(rng: torch.Generator) -> None:
    theirs = lightly("models.modules.heads").SwaVPrototypes(4, 6)
    prototypes, loss, queue = wald.Prototypes(6, 4), wald.SwAV(), wald.Queue(12, 4)
    with torch.no_grad():
        theirs.normalize()
        theirs.heads[0].bias.zero_()
        prototypes.vectors.copy_(theirs.heads[0].weight)
    kept = F.normalize(torch.randn(12, 4, generator=rng), dim=-1)
    queue.update(kept)
    first, second = (F.normalize(torch.randn(5, 4, generator=rng), dim=-1) for _ in range(2))
    scores: list[Tensor] = [theirs(first), theirs(second)]
    wanted = lightly("loss").SwaVLoss()(scores, [], [theirs(kept)] * 2)
    mine = [prototypes(first), prototypes(second)]
    others = prototypes(queue.vectors)
    found = sum(loss(mine[1 - k], prototypes.codes(mine[k], others=others)) for k in range(2)) / 2
    torch.testing.assert_close(found, wanted.squeeze())
    slopes = torch.autograd.grad(found, prototypes.vectors), torch.autograd.grad(wanted, theirs.heads[0].weight)
    torch.testing.assert_close(slopes[0][0], slopes[1][0])
    with torch.no_grad():
        for each in (prototypes.vectors, theirs.heads[0].weight):
            each += 1
    prototypes.update()
    theirs.normalize()
    torch.testing.assert_close(prototypes.vectors.detach(), theirs.heads[0].weight.detach())


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "table", "turned", "each", "loss"),
    [
        ("ProxyAnchorLoss", "proxies", False, 1, wald.ProxyAnchor(like="pml")),
        ("ProxyNCALoss", "proxies", False, 1, wald.ProxySoftmax(like="pytorch_metric_learning.losses.ProxyNCALoss")),
        ("ArcFaceLoss", "W", True, 1, wald.ArcFace(like="pml")),
        ("CosFaceLoss", "W", True, 1, wald.ProxySoftmax(like="pytorch_metric_learning.losses.CosFaceLoss")),
        ("SoftTripleLoss", "fc", True, 10, wald.SoftTriple(like="pml")),
    ],
)
def test_proxies_of_pml_are_trained_alike(
    name: str, table: str, turned: bool, each: int, loss: wald.Loss, rng: torch.Generator
) -> None:
    """Some steps of gradient descent on the proxies, from the same start."""
    theirs = getattr(pml(), name)(num_classes=3, embedding_size=5)
    held = getattr(theirs, table)
    proxies = wald.Proxies(3, 5, each=each)
    with torch.no_grad():
        proxies.vectors.copy_((held.T if turned else held).reshape(proxies.vectors.shape))
    optimisers = [torch.optim.SGD(module.parameters(), lr=0.1) for module in (theirs, proxies)]
    for _ in range(3):
        x, label = torch.randn(8, 5, generator=rng), torch.randint(3, (8,), generator=rng)
        values = theirs(x, label), loss(proxies(x), label)
        torch.testing.assert_close(values[1], values[0].reshape(()), rtol=1e-4, atol=1e-5)
        for optimiser, value in zip(optimisers, values, strict=True):
            optimiser.zero_grad()
            value.sum().backward()
            optimiser.step()
    found = proxies.vectors.detach().flatten(0, -2)
    torch.testing.assert_close(found, (held.T if turned else held).detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.peers
def test_the_scale_of_clip_and_sig_lip(rng: torch.Generator) -> None:
    """Hugging Face multiplies scores by exp(logit_scale); values and slopes of that parameter agree."""
    clip = pytest.importorskip("transformers.models.clip.modeling_clip", reason="compares with it")
    image, text = (torch.randn(6, 4, generator=rng) for _ in range(2))
    a, b = F.normalize(image, dim=-1), F.normalize(text, dim=-1)
    scale = wald.LearnedScale()
    log = scale.log_scale.detach().clone().requires_grad_()
    wanted = clip.image_text_contrastive_loss(b @ a.mT * log.exp())
    found = wald.InfoNCE(symmetric=True, normalise=False, temperature=1.0)(*scale(image, text))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, scale.log_scale), torch.autograd.grad(wanted, log))
    # SigLIP's loss is inside of its model; these are its lines.
    scale = wald.LearnedScale(10.0, bias=-10.0)
    log, bias = scale.log_scale.detach().clone().requires_grad_(), torch.tensor(-10.0, requires_grad=True)
    scores = b @ a.mT * log.exp() + bias
    wanted = -F.logsigmoid((2 * torch.eye(6) - 1) * scores).sum(-1).mean()
    found = wald.SigLIP(scale=1.0, bias=0.0, normalise=False)(*scale(image, text))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    slopes = torch.autograd.grad(found, list(scale.parameters())), torch.autograd.grad(wanted, [log, bias])
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)
