"""The lines of Python that train and use what is recommended, in the tool that people have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
import re

from ...audits.models.wanted import wanted_of
from ...core import Loss
from ...losses import GaussianNLL
from ..errors import ChoiceError
from ..racing import SHALLOW, Entry
from .given import Given
from .torch_recipes import network

#: The tools that there are recipes for.
TOOLS = ("scikit-learn", "xgboost", "lightgbm", "catboost", "torch")


def recipe(entry: Entry, learner: str, tool: str = "", given: Given | None = None) -> str:
    """Lines that run once `X`, `y` and `new` are there: the rows to learn from, and the rows to predict.

    Args:
        entry: what is recommended.
        learner: what raced.
        tool: one of `TOOLS`; "" for what raced.
        given: what the rows are like.

    Raises:
        ChoiceError: there is no such tool.
    """
    own = not learner.startswith("boosting") and learner not in ("linear", "mlp")
    engine = learner.removeprefix("boosting (").removesuffix(")") if learner.startswith("boosting") else "scikit-learn"
    used = tool or ("" if own else engine)
    if used and used not in TOOLS:
        raise ChoiceError(f"there is no recipe for {tool!r}; there are {', '.join(TOOLS)}.")
    writer = _Writer(entry, learner, used, given or Given(names=_two_classes(entry.candidate.loss)))
    code = "\n".join(writer.lines())
    return "\n".join([*_imports(code), "", code])


#: Settings of an engine that are for a race, whose processes share the machine.
_OURS = ("nthread", "num_threads", "thread_count", "deterministic")

_MODULES = {
    "sklearn.compose": ("make_column_transformer",),
    "sklearn.impute": ("SimpleImputer",),
    "sklearn.pipeline": ("make_pipeline",),
    "sklearn.preprocessing": ("OneHotEncoder", "StandardScaler"),
}


def _imports(code: str) -> Iterator[str]:
    """What these lines need."""
    for begin, line in (("np.", "import numpy as np"), ("pd.", "import pandas as pd")):
        if re.search(rf"\b{re.escape(begin)}", code):
            yield line
    for module, names in _MODULES.items():
        if used := [name for name in names if name in code]:
            yield f"from {module} import {', '.join(used)}"
    if "torch." in code:
        yield "import torch"
    if "functional." in code:
        yield "from torch.nn import functional"
    yield "import wald"
    if "adapters." in code:
        yield "from wald import adapters"


def _two_classes(loss: Loss) -> tuple[int, ...]:
    return () if loss.card.task == "regression" else (0, 1)


@dataclass(frozen=True)
class _Writer:
    """Writes the lines for one tool; "" is a learner of the user's own."""

    entry: Entry
    learner: str
    tool: str
    given: Given

    def lines(self) -> Iterator[str]:
        yield from self._rows()
        yield from self._target()
        yield f"loss = wald.{self.loss!r}"
        if self.tool == "torch":
            yield from network(self.loss, len(self.given.names), deep=self.learner != "linear", x=self._learned,
                               new=self._asked, weighted=self.given.weighted)  # fmt: skip
        else:
            yield from self._fit()
        yield from self._reading()

    @property
    def loss(self) -> Loss:
        return self.entry.candidate.loss

    @property
    def boosts(self) -> bool:
        return self.tool in ("xgboost", "lightgbm", "catboost")

    @property
    def prepares(self) -> bool:
        """Whether numbers must be made of the rows before this tool can take them."""
        given = self.given
        return self.tool == "torch" or (self.tool == "scikit-learn" and bool(given.words or given.gaps))

    @property
    def _learned(self) -> str:
        return "prepare.fit_transform(X)" if self.prepares else "X"

    @property
    def _asked(self) -> str:
        return "prepare.transform(new)" if self.prepares else "new"

    def _rows(self) -> Iterator[str]:
        """What turns X and new into what the tool takes."""
        given = self.given
        both = "X, new = ({} for one in (X, new))"
        if not self.tool:
            return
        if given.missing:
            many = ", weights" if given.weighted else ""
            yield "known = ~pd.isna(y)    # rows without a target teach nothing"
            yield f"X, y{many} = X[known], y[known]{', weights[known]' if many else ''}"
        if given.holder == "other frame":
            yield both.format("one.to_pandas()")
        if given.holder == "words":
            yield both.format("pd.DataFrame(one).infer_objects()")
        for column in given.times:
            yield both.format(f'one.assign(**{{{str(column)!r}: one[{column!r}].astype("int64")}})')
        if given.words and self.tool == "catboost":
            yield f"for name in {[*given.words]}:    # a gap is a word of its own"
            gaps = '{0}[name].astype(object).where({0}[name].notna(), "missing").astype("category")'
            yield f"    X = X.assign(**{{name: {gaps.format('X')}}})"
            yield f"    new = new.assign(**{{name: {gaps.format('new')}}})"
        elif self.boosts and given.words:
            yield f"for name in {[*given.words]}:"
            yield '    X = X.assign(**{name: X[name].astype("category")})'
            yield "    known = X[name].cat.categories    # a word that was never seen becomes a gap"
            yield '    new = new.assign(**{name: new[name].astype("category").cat.set_categories(known)})'
        if self.prepares:
            yield from self._preparation()

    def _preparation(self) -> Iterator[str]:
        given = self.given
        steps = ['SimpleImputer(strategy="median", add_indicator=True)'] if given.gaps else []
        steps += ["StandardScaler()"] if self.tool == "torch" else []
        numbers = steps[0] if len(steps) == 1 else f"make_pipeline({', '.join(steps)})" if steps else '"passthrough"'
        if not given.words:
            yield f"prepare = {numbers}"
            return
        encoder = 'OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist", sparse_output=False)'
        yield "prepare = make_column_transformer("
        yield f"    ({encoder}, {[*given.words]}),"
        yield f"    remainder={numbers if not given.only_words else repr('drop')},"
        yield ")"

    def _target(self) -> Iterator[str]:
        names = self.given.names
        if self.given.coded and len(names) == 2:
            yield f"y = np.asarray(y) == {names[1]!r}"
        elif self.given.coded or (self.tool == "torch" and names and names != tuple(range(len(names)))):
            if names == (False, True):
                return
            yield f"names = {[*names]}"
            yield "y = np.array([names.index(one) for one in y])"

    def _fit(self) -> Iterator[str]:
        weights = self.given.weighted
        if self.boosts:
            mass = ", weight=weights" if weights else ""
            yield f"adapter = adapters.{self.tool}(loss, y{mass})"
            yield f"model = adapter.fit(X, y{mass}{self._settings()})"
            return
        mass = ", sample_weight=weights" if weights else ""
        if not self.tool:
            yield "model = learner(loss, 0)    # the function that you gave"
            yield f"model.fit(X, y{mass})"
            return
        kind = "LossClassifier" if self.given.names else "LossRegressor"
        shape = ', model="mlp"' if self.learner == "mlp" else ""
        yield f"model = adapters.{kind}(loss{shape}{self._settings()})"
        yield f"model.fit({self._learned}, y{mass})"

    def _settings(self) -> str:
        """The settings that were chosen most often, where they are this tool's own."""
        chosen = max(self.entry.settings, key=lambda one: self.entry.settings[one]) if self.entry.settings else ""
        if self.boosts:
            rounds = chosen if chosen.startswith("rounds=") else "rounds=60"
            shallow = {key: value for key, value in SHALLOW[self.tool].items() if key not in _OURS}
            return "".join(f", {one}" for one in (rounds, *(f"{key}={value!r}" for key, value in shallow.items())))
        return f", {chosen}" if chosen.startswith("penalty=") and self.learner in ("linear", "mlp") else ""

    def _reading(self) -> Iterator[str]:
        """What makes of raw predictions what was judged."""
        after, raw = self.entry.candidate.after, self._raw()
        if after == "threshold":
            yield from self._decision(raw)
        elif after in ("prior correction", "recalibration"):
            way = after.replace(" ", "_")
            yield f"probability = wald.{way}(loss).probabilities({raw}).numpy()"
            yield from self._by_costs()
        elif not self.given.names:
            yield self._numbers()
        elif self._margins:
            yield f"score = {raw}    # above 0 for yes; no probability"
        else:
            yield self._probability()
            yield from self._by_costs()

    @property
    def _margins(self) -> bool:
        wanted = wanted_of(self.loss, len(self.given.names))
        return wanted is not None and wanted.form == "margins"

    def _raw(self) -> str:
        return "raw" if self.tool == "torch" else f"model.raw({self._asked})"

    def _probability(self) -> str:
        two = len(self.given.names) == 2
        second = "[:, 1]" if two else ""
        if self.tool == "torch":
            wanted = wanted_of(self.loss, len(self.given.names))
            form = "logits" if wanted is None else wanted.form
            flat = wanted is None or not wanted.by_class
            if form == "logits" and self.loss.named_domains[0][1].axes not in ((), ("classes",)):
                return (
                    "beyond = functional.pad(functional.pad(torch.sigmoid(raw), (1, 0), value=1.0), (0, 1))\n"
                    "probability = (-beyond.diff()).clamp_min(0.0).numpy()"
                )
            if form == "logits":
                return f"probability = {'torch.sigmoid(raw)' if flat else f'raw.softmax(-1){second}'}.numpy()"
            told = "raw.exp()" if form == "log-probabilities" else "raw"
            return f"probability = {told}{'' if flat else second}.numpy()"
        way = "predict" if self.boosts else "predict_proba"
        return f"probability = model.{way}({self._asked}){second}"

    def _numbers(self) -> str:
        if self.tool != "torch":
            return f"prediction = model.predict({self._asked})"
        wanted = wanted_of(self.loss, 0)
        if wanted is not None and wanted.form == "log-numbers":
            return "prediction = raw.exp().numpy()"
        point = isinstance(self.loss, GaussianNLL)
        return f"prediction = raw{'[:, 0]' if point else ''}.numpy()"

    def _by_costs(self) -> Iterator[str]:
        costs = self._costs()
        if costs and len(self.given.names) == 2:
            each = self.given.costs is not None and self.given.costs.each
            yield f"costs = {costs}"
            yield f"yes = probability >= costs.threshold{'.numpy()' if each else ''}"

    def _decision(self, raw: str) -> Iterator[str]:
        costs = self._costs()
        if costs and self.given.by_costs and self.entry.shift is None:
            yield f"costs = {costs}"
            yield f"yes = wald.threshold(loss, costs).decide({raw}).bool().numpy()"
        elif self.entry.shift is not None:
            yield f"yes = ({raw} >= {self._cut(-self.entry.shift)}).numpy()    # what was best on the training rows"
        else:
            yield self._probability()

    def _cut(self, natural: float) -> str:
        wanted = wanted_of(self.loss, len(self.given.names))
        if wanted is not None and wanted.form == "probabilities":
            return f"{1 / (1 + exp(-natural)):.4g}"
        return f"{natural:.4g}"

    def _costs(self) -> str:
        """The costs as code, with the columns of the new rows; empty where there are none."""
        costs = self.given.costs
        if costs is None:
            return ""
        told: list[str] = []
        for name, usual in (
            ("false_negative", 1.0),
            ("false_positive", 1.0),
            ("true_positive", 0.0),
            ("true_negative", 0.0),
        ):
            value = getattr(costs, name)
            if isinstance(value, str):
                told.append(f"{name}={f'new[{value!r}]' if value in self.given.columns else value}")
            elif value != usual:
                told.append(f"{name}={value:g}")
        return f"wald.Costs({', '.join(told)})"
