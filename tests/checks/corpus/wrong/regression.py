"""Losses of numbers that are not what their author believes.

Rows are those of the list of pains that people have with losses; "seen" means in a library that people install.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("regression")
wrong = SHELF.wrong

AWAY = "W501|W70[12]"


@wrong(AWAY, "away from the targets|sign|negat")
def squared_error_with_a_minus(x: Tensor, y: Tensor) -> Tensor:  # row 6
    return -((x - y) ** 2).mean()


@wrong(AWAY, "away from the targets|sign|negat", claims="Absolute")
def minus_the_absolute_error(x: Tensor, y: Tensor) -> Tensor:
    error = x - y
    return (error * torch.sign(y - x)).mean()


@wrong("W502|W701", "unbounded|absolute|abs")
def no_absolute_value(x: Tensor, y: Tensor) -> Tensor:
    return torch.mean(y - x)


@wrong("W502|W701", "abs", claims="Absolute")
def absolute_value_of_the_target_only(x: Tensor, y: Tensor) -> Tensor:
    return (x - y.abs()).mean()


@wrong("W701", "mean.*before|before.*squar|square.*mean", claims="Squared")
def mean_before_square(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).mean().square()


@wrong("W701", "mean.*before|before.*abs|abs.*mean", claims="Absolute")
def mean_before_absolute_value(x: Tensor, y: Tensor) -> Tensor:
    return torch.abs(torch.mean(x) - torch.mean(y))


@wrong("W701", "broadcast|every (prediction|target)|each (prediction|target)", claims="Squared")
def a_column_against_a_row(x: Tensor, y: Tensor) -> Tensor:  # row 7
    return F.mse_loss(x.reshape(-1, 1).expand(-1, len(y)), y.expand(len(x), -1))


@wrong("W701", "broadcast|every (prediction|target)|each (prediction|target)", claims="Absolute")
def an_outer_difference(x: Tensor, y: Tensor) -> Tensor:  # row 7
    return torch.cdist(x[:, None], y[:, None], p=1).mean()


@wrong("W104", "gradient.*not finite")
def root_of_the_mean_square(x: Tensor, y: Tensor) -> Tensor:  # row 35
    return F.mse_loss(x, y) ** 0.5


@wrong("W104", "gradient.*not finite")
def root_of_each_square(x: Tensor, y: Tensor) -> Tensor:  # row 35
    return torch.sqrt(torch.pow(x - y, 2)).mean()


@wrong("W10[24]", "gradient.*not finite")
def square_root_of_the_error(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().pow(0.5).mean()


@wrong("W104", "gradient.*not finite")
def charbonnier_with_epsilon_outside(x: Tensor, y: Tensor) -> Tensor:
    return (((x - y) ** 2).sqrt() + 1e-6).mean()


@wrong("W10[24]", "gradient.*not finite")
def root_guarded_by_where(x: Tensor, y: Tensor) -> Tensor:  # row 2
    squared = (x - y).square()
    return torch.where(squared > 0, squared.sqrt(), torch.zeros_like(squared)).mean()


@wrong("W102", "gradient.*not finite")
def clamped_after_the_exponential(x: Tensor, y: Tensor) -> Tensor:  # row 39
    ratio = x - y
    return torch.clamp(ratio.exp() - ratio - 1, max=10).mean()


@wrong("W101", "true one|overflow|inf")
def log_cosh_written_out(x: Tensor, y: Tensor) -> Tensor:  # row 40
    return torch.log(torch.cosh(x - y)).mean()


@wrong("W101", "true one|overflow|inf", claims="LogCosh")
def log_cosh_by_exponentials(x: Tensor, y: Tensor) -> Tensor:  # row 40
    e = y - x
    return torch.mean(torch.log((torch.exp(e) + torch.exp(-e)) / 2))


@wrong("W101", "true one|overflow|inf")
def squared_in_half_precision(x: Tensor, y: Tensor) -> Tensor:  # row 29
    return ((x.half() - y.half()) ** 2).to(x.dtype).mean()


@wrong("W701", "half|1/2|factor|0\\.5|quadratic", claims="Huber")
def huber_without_the_half(x: Tensor, y: Tensor) -> Tensor:  # row 40
    r = (x - y).abs()
    return torch.where(r <= 1, r**2, r - 0.5).mean()


@wrong("W701", "linear|half|delta|jump", claims="Huber(delta=2.0)")
def huber_with_a_jump(x: Tensor, y: Tensor) -> Tensor:
    r = (x - y).abs()
    return torch.where(r < 2.0, 0.5 * r * r, 2.0 * r).mean()


@wrong("W701", "linear|delta", claims="Huber(delta=2.0)")
def huber_without_delta_in_the_line(x: Tensor, y: Tensor) -> Tensor:
    r = (x - y).abs()
    return torch.where(r < 2.0, 0.5 * r * r, r - 1.0).mean()


@wrong("W701", "abs|sign|side|negative|threshold", claims="Huber")
def huber_with_a_signed_threshold(x: Tensor, y: Tensor) -> Tensor:
    r = x - y
    return torch.where(r < 1, 0.5 * r.square(), r.abs() - 0.5).mean()


@wrong("W701", "swap|exchang|revers|branch|beyond|inside", claims="Huber")
def huber_inside_out(x: Tensor, y: Tensor) -> Tensor:  # row 13: posts that reverse delta
    r = torch.abs(y - x)
    return torch.where(r > 1, 0.5 * r**2, r - 0.5).mean()


@wrong("W701", "smooth|scale|times|delta", claims="Huber(delta=2.0)")
def smooth_l1_for_huber(x: Tensor, y: Tensor) -> Tensor:  # row 40
    return F.smooth_l1_loss(x, y, beta=2.0)


@wrong("W701", "delta", claims="PseudoHuber(delta=3.0)")
def pseudo_huber_multiplied_by_delta(x: Tensor, y: Tensor) -> Tensor:
    return (9.0 * (torch.sqrt(1 + ((x - y) * 3.0) ** 2) - 1)).mean()


@wrong("W701|W601", "max|largest|worst|other examples|coupl", claims="Squared")
def the_worst_error_only(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().max()


@wrong("W701", "clamp|clip|bound|limit|perfect|range", claims="Squared")
def prediction_clamped_to_one(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x.clamp(0, 1), y)


@wrong("W701", "clamp|clip|bound|limit|perfect|range", claims="Squared")
def target_clamped_to_one(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, y.clamp(-1, 1))


@wrong("W50[12]|W60[145]|W70[12]", "side|one direction|low|high|relu|unbounded|constant|wins|cheat", claims="Absolute")
def only_what_is_too_high_costs(x: Tensor, y: Tensor) -> Tensor:
    return F.relu(x - y).mean()


@wrong("W50[12]|W60[145]|W70[12]", "away|highest|maxim|sign|similar|FOOLED|minimum is reached")
def coefficient_of_determination(x: Tensor, y: Tensor) -> Tensor:  # a score to be maximised
    return 1 - (x - y).square().sum() / (y - y.mean()).square().sum()


@wrong("W50[12]|W60[145]|W70[12]", "away|sign|maxim")
def correlation_itself(x: Tensor, y: Tensor) -> Tensor:
    a, b = x - x.mean(), y - y.mean()
    return (a * b).sum() / (a.square().sum() * b.square().sum() + 1e-12).sqrt()


@wrong("W50[12]|W60[145]|W70[12]", "scale|shift|same|coupl|other examples|standard", claims="Squared")
def standardised_before_it_is_compared(x: Tensor, y: Tensor) -> Tensor:
    def standard(v: Tensor) -> Tensor:
        return (v - v.mean()) / (v.std() + 1e-6)

    return F.mse_loss(standard(x), standard(y))


@wrong("W501|W60[145]|W70[12]", "away|perfect|least|worst|minim|FOOLED")
def tukey_inside_out(x: Tensor, y: Tensor) -> Tensor:  # seen: c²/6 at no error, none at the threshold
    c = 4.685
    u = ((x - y) / c).clamp(-1, 1)
    return (c**2 / 6 * (1 - u.square()) ** 3).mean()


@wrong("W501|W60[145]|W70[12]", "perfect|least|bias|shift|offset|constant", claims="Squared")
def target_shifted_by_one(x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(x, y + 1)


@wrong("W701|W402", "log|transform", claims="Squared")
def log_of_the_mean_square(x: Tensor, y: Tensor) -> Tensor:
    return torch.log1p(F.mse_loss(x, y))


@wrong("W701", "exp|overflow|square", claims="Squared")
def exponent_typed_as_a_factor(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y).abs() * 2).mean()


@wrong("W701|W403", "order|position|index|row|neither their mean nor", claims="Squared")
def later_examples_count_more(x: Tensor, y: Tensor) -> Tensor:
    discount = 0.9 ** torch.arange(len(x), dtype=x.dtype)
    return (discount * (x - y).square()).mean()


@wrong("W701", "cos|period|angle|perfect|2", claims="Squared")
def squared_error_of_a_wrapped_angle(x: Tensor, y: Tensor) -> Tensor:
    wrapped = torch.atan2(torch.sin(x - y), torch.cos(x - y))
    return (wrapped / math.pi).square().mean()
