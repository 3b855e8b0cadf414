"""Before training: can this loss learn from these rows, and what would its numbers mean?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ...core import Loss, Supervised
from ...findings import Finding, Report
from ...objectives import Objective, Term
from ..correcting.arrays import as_tensor
from ..errors import ChoiceError
from .chances import against_chance, chance_finding, space_finding
from .domains import domain_finding
from .pulls import gradient_finding, level_finding, terms_finding, weight_finding
from .regimes import bend_finding, regime_finding
from .rows import Rows, few, read_rows


def preflight(
    loss: Supervised | Objective,
    target: Any,
    prediction: Any = None,
    *,
    weight: Any = None,
    terms: Mapping[str, Loss | Term] | None = None,
    tensors: Mapping[str, Any] | None = None,
) -> Report:
    """Look at a loss together with the rows that it is to be trained on, before time is spent on it.

    - L101: does the loss take these targets? Zeros under a percentage, numbers below 0 under a logarithm, class
      numbers without an output.
    - L102, L103: what the best constant prediction costs, what that number is (ln 2, an entropy, a variance), and where
      the predictions stand to it.
    - L104: probabilities where logits are wanted.
    - L105: what share of the rows lies where the loss is curved, straight or flat, measured by its slopes.
    - L106: whether the `delta` of a Huber and its kin is among the residuals at all, and one that is.
    - L107: how large gradients are, and whether a hundredth of the rows has most of them.
    - L108: whether a quantile has its level of targets below it, or that of the other side.
    - L109: whether class weights favour the rare class.
    - L110: how much of the gradient each term of an objective has.

    Args:
        loss: of a prediction and a target, or an objective of such losses, whose first term is looked at in full.
        target: (rows,) or as the loss takes it; class numbers, yes and no, or numbers.
        prediction: of a model, as the loss takes it; without it residuals are those around the best constant.
        weight: one number for each row.
        terms: further losses that are trained together with `loss`, by name.
        tensors: what terms read beside "prediction" and "target", by name.

    Returns:
        A `Report` of kind "check": `print` it, `report.verdict`, `report.card` with the figures.

    Raises:
        ChoiceError: these are no rows of numbers, or this is no loss of a prediction and a target.

    >>> import torch, wald
    >>> from wald.choices import preflight
    >>> residual = 0.03 * torch.randn(1000, generator=torch.Generator().manual_seed(0))
    >>> report = preflight(wald.Huber(delta=0.5), residual, torch.zeros(1000))
    >>> report.verdict, round(report.card["suggested"]["delta"], 2)
    ('warn', 0.04)
    """
    named = _terms(loss, terms)
    first = next(iter(named.values()))
    source: dict[str, Any] = {"target": target, "prediction": prediction, **(tensors or {})}
    names = first.sources
    main = _supervised(first.loss)
    rows = read_rows(main, _named(source, names, 1), _named(source, names, 0), weight)
    subject = (
        str(loss) if isinstance(loss, Loss) and terms is None else ", ".join(f"{n}={t.loss}" for n, t in named.items())
    )
    domain = domain_finding(rows)
    findings: list[Finding] = [domain]
    facts: dict[str, object] = {"rows": len(rows.target)}
    if domain.state == "fail":
        held = "not looked at: first the loss must take these rows"
        findings += [
            Finding(code=code, state="not_run", question=question, says=f"{question}: {held}", fix=domain.fix)
            for code, question in (("L102", "chance level"), ("L105", "regimes"), ("L107", "gradients"))
        ]
        return _report(subject, findings, facts)
    findings += _measured(few(rows), facts)
    if len(named) > 1:
        finding, more = _balance(few(rows), named, source, rows)
        findings.append(finding)
        facts |= more
    return _report(subject, findings, facts)


def _measured(rows: Rows, facts: dict[str, object]) -> list[Finding]:
    chance, value, more = chance_finding(rows)
    findings = [chance, against_chance(rows, value, more), space_finding(rows)]
    facts |= more
    constant = rows.prediction is None
    if constant and value is not None:
        rows = rows.at(rows.constant(value))
    if rows.prediction is not None:
        one_a_row = rows.loss.named_domains[0][1].normalised == ""
        steps: list[Callable[[], tuple[Finding | None, dict[str, object]]]] = [
            lambda: regime_finding(rows, constant=constant),
            lambda: bend_finding(rows, constant=constant),
            lambda: gradient_finding(rows),
        ]
        for step in steps if one_a_row and rows.loss.card.coupling != "coupled" else []:
            found, figures = step()
            facts |= figures
            findings += [found] if found is not None else []
    level = None if constant else level_finding(rows)
    findings += [level] if level is not None else []
    weights, figures = weight_finding(rows)
    facts |= figures
    return findings + ([weights] if weights is not None else [])


def _balance(
    rows: Rows, named: Mapping[str, Term], source: Mapping[str, Any], whole: Rows
) -> tuple[Finding, dict[str, object]]:
    held: dict[str, tuple[Supervised, float, Tensor]] = {}
    shared = next(iter(named.values())).sources["prediction"]
    left: list[str] = []
    for name, term in named.items():
        loss = _supervised(term.loss)
        if term.sources["prediction"] != shared or len(rows.target) != len(whole.target):
            left.append(name)
            continue
        one = read_rows(loss, _named(source, term.sources, 1), None, None)
        refused = domain_finding(Rows(loss=loss, target=one.target, prediction=rows.prediction, weight=rows.weight))
        if refused.state == "fail":
            said = f"the term {name!r}: {refused.says}"
            return Finding(code="L110", state="fail", question="terms", says=said, fix=refused.fix,
                           controls=refused.controls), {}  # fmt: skip
        held[name] = (loss, term.weight, one.target)
    if left or len(held) < 2:
        said = "the balance of the terms: they read different predictions, or some rows have no weight"
        return Finding(code="L110", state="not_applicable", question="terms", says=said), {}
    return terms_finding(rows, held)


def _terms(loss: Any, terms: Mapping[str, Loss | Term] | None) -> dict[str, Term]:
    if isinstance(loss, Objective):
        found = dict(loss.terms)
    elif isinstance(loss, Loss | Term):
        found = {type(loss).__name__ if isinstance(loss, Loss) else "loss": _term(loss)}
    else:
        hint = f"; write {loss.__name__}()" if isinstance(loss, type) else ""
        raise ChoiceError(
            f"preflight looks at a loss of wald or an objective of such losses, and got {loss!r}{hint}. A function "
            "becomes a loss as a subclass of wald.Supervised; wald.check measures it as it is."
        )
    for name, term in (terms or {}).items():
        if name in found:
            raise ChoiceError(f"there are two terms with the name {name!r}; give the further one another.")
        found[name] = _term(term)
    for name, term in found.items():
        if term.heads:
            raise ChoiceError(
                f"the term {name!r} has its {', '.join(term.heads)} made by a head, which preflight does not call. "
                "Give it the loss of that term by itself, with what the head makes."
            )
    return found


def _term(given: Loss | Term) -> Term:
    return given if isinstance(given, Term) else Term(given)


def _supervised(loss: Loss) -> Supervised:
    names = [name for name, _ in loss.named_domains]
    if not isinstance(loss, Supervised) or names != ["prediction", "target"]:
        raise ChoiceError(
            f"preflight looks at losses of prediction and target, and {loss} is one of {', '.join(names)}."
        )
    return loss


def _named(source: Mapping[str, Any], names: Mapping[str, str], place: int) -> Any:
    name = names[("prediction", "target")[place]]
    if name not in source:
        raise ChoiceError(f"a term reads {name!r}, which is not there; give tensors={{{name!r}: ...}}.")
    given = source[name]
    return given if given is None or name in ("prediction", "target") else as_tensor(name, given)


def _report(subject: str, findings: list[Finding], facts: Mapping[str, object]) -> Report:
    # What is wrong has lines of its own; what is merely so is said in one breath.
    told = " ".join(_sentence(one.says) for one in findings if one.state == "pass" and one.code != "L101")
    card = {name: facts[name] for name in ("chance level", "best constant", "suggested") if name in facts}
    return Report(
        kind="check",
        subject=f"{subject} on {facts['rows']} rows",
        findings=tuple(findings),
        card=card,
        answers={"in short": told} if told else {},
    )


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")
