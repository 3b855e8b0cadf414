"""The CRPS of a mixture of normal laws."""

import torch
from torch import Tensor

from ...cards import Card, Formula, PlainParameters, Real
from ...core import Supervised
from ..pieces.law import Law, scaled
from ..pieces.normal import normal_density


class MixtureCRPS(Supervised, Law):
    """The continuous ranked probability score of a mixture of normal laws, in the target's unit.

    Σ w_i A(target - m_i, s_i) - Σ w_i w_j A(m_i - m_j, √(s_i² + s_j²)) / 2, where A(e, s) is how far a normal draw of
    mean e and standard deviation s is from 0 on average. The prediction holds for each component a logit, of which the
    weights w are the softmax, a mean and a standard deviation, which is positive: pass what the model emits through
    softplus. With one component it is GaussianCRPS.

    Beside MixtureNLL, a component that shrinks onto a target earns nothing without bound. Time and memory grow with
    components².

    Shapes: prediction (*batch, components, 3): logit, mean, standard deviation; target (*batch); the loss in the
    target's unit.

    Raises:
        DomainError: a standard deviation is not positive.

    >>> import torch, wald
    >>> two = torch.tensor([[[0.0, -1.0, 1.0], [0.0, 1.0, 1.0]]])
    >>> wald.MixtureCRPS()(two, torch.tensor([1.0]))
    tensor(0.6002)
    """

    card = Card(
        task="regression",
        inputs={"prediction": PlainParameters.of("components", "parameters", size=3), "target": Real},
        formula=Formula(
            "sum([p * far(target - a[1], s(a)) for p, a in zip(w, prediction)])"
            " - sum([p * q * far(a[1] - b[1], sqrt(s(a)**2 + s(b)**2))"
            " for p, a in zip(w, prediction) for q, b in zip(w, prediction)]) / 2",
            w="softmax([c[0] for c in prediction])",
            s="lambda c: c[2]",
            density="lambda z: exp(-z**2 / 2) / sqrt(2 * pi)",
            far="lambda e, s: 2 * e * integral(density, 0, max(min(e / s, 12), -12)) + 2 * s * density(e / s)",
        ),
        convex=False,
        bounded_below=True,
        smooth=3,
        points={"floor": 0},
        when="The same inputs lead to one of several outcomes, and the forecast is judged by distances.",
        when_not="A likelihood is wanted (MixtureNLL), or you have draws (CRPS).",
        aliases=("CRPS of a normal mixture", "crps_mixnorm", "Gaussian mixture CRPS"),
        ports={"scoringrules.crps_mixnorm": {}},
        tags=("probabilistic", "forecasting", "mixture", "multimodal", "proper", "score"),
        cite=("Grimit et al. 2006, doi:10.1256/qj.05.235",),
    )

    link = "identity"
    positive = ("", "", "standard deviation")

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        logit, mean, log_std = self.parameters(prediction)
        log_share = logit.log_softmax(-1)
        away = _distance(target.unsqueeze(-1) - mean, log_std, log_share).sum(-1)
        both = 0.5 * torch.logaddexp(2 * log_std.unsqueeze(-1), 2 * log_std.unsqueeze(-2))
        pair = log_share.unsqueeze(-1) + log_share.unsqueeze(-2)
        return away - 0.5 * _distance(mean.unsqueeze(-1) - mean.unsqueeze(-2), both, pair).sum((-1, -2))


def _distance(mean: Tensor, log_std: Tensor, log_share: Tensor) -> Tensor:
    """How far a normal draw is from 0 on average, times its share; a huge spread of a tiny share is no overflow."""
    z = scaled(mean, log_std)
    return log_share.exp() * mean * torch.erf(z * 0.5**0.5) + 2 * (log_share + log_std).exp() * normal_density(z)
