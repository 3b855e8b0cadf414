"""`wald show`: the page of one loss, at its defaults or at the fields that were given."""

from functools import cache
import json
from math import isfinite
from pathlib import Path
import textwrap

import pytest

from wald.cards import shelf
from wald.cli import main
from wald.cli.curves import Picture, picture
from wald.cli.expression import understand
from wald.cli.wrappers import outlines


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a catalogue of our own in the place of the real one."""

    def put(source: str) -> None:
        (tmp_path / "_one.py").write_text(textwrap.dedent(source), "utf-8")
        (tmp_path / "__init__.py").write_text("from ._one import One as One\n", "utf-8")
        monkeypatch.setattr(shelf, "LOSSES", tmp_path)
        shelf.catalogue.cache_clear()

    yield put
    monkeypatch.undo()
    shelf.catalogue.cache_clear()


@cache
def drawn(name: str) -> Picture | str:
    """The picture of a loss at its defaults: a thousand values of a formula in plain Python."""
    return picture(understand(name))


# The page.


def test_the_page_says_what_a_person_asks(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "Huber")
    lines = told.splitlines()
    assert lines[0].startswith("Huber(delta=1.0)")
    assert lines[0].endswith("supervised, regression")
    assert "    where r = prediction - target" in lines
    for heading in ("Inputs", "Fields", "Claims", "Use", "More"):
        assert heading in lines
    assert "delta               1.0 · where squared turns into absolute" in told
    assert "convex              yes: in the prediction" in told
    assert "mean divides by     the unmasked examples, each counted by its weight" in told
    assert "loss = wald.Huber(delta=1.0)" in told
    assert "loss(prediction, target).backward()" in told
    assert "HuberLoss" in told
    assert "doi:10.1214/aoms/1177703732" in told
    assert 'wald check "Huber(delta=1.0)"' in told
    assert ">>>" not in told


def test_the_page_has_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "Huber")
    assert "Picture  the loss of one example against prediction" in told
    # A Huber loss is 2.5 at 3 away, and 0 at its target.
    drawn = told[told.index("Picture") : told.index("Claims")].splitlines()
    assert drawn[1].startswith("2.5 ┤")
    assert any("⠀" < letter <= "⣿" for line in drawn for letter in line)


@pytest.mark.parametrize("name", ["HuberLoss", "huber", "wald.Huber", "clipped squared error", "Huber()"])
def test_a_loss_goes_by_any_name_that_people_know(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, name).startswith("Huber(delta=1.0)")


def test_fields_change_page_and_picture(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "HuberLoss(delta=2)")
    assert told.startswith("Huber(delta=2.0)")
    assert "default 1.0" in " ".join(told.split())
    assert "\n4 ┤" in told or "\n  4 ┤" in told


def test_claims_follow_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert "quantile(0.9)" in shown(capsys, "Pinball(level=0.9)")
    assert "elicits             median" in shown(capsys, "Pinball")


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", list(shelf.catalogue()))
def test_every_page_fits(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("wald.cli.show.picture", lambda loss: drawn(loss.entry.name))
    # A word without a place to break it, as a DOI or a formula may be, is kept whole.
    for line in shown(capsys, name).splitlines():
        assert len(line) <= width or len(max(line.split(), key=len)) > width - 24


@pytest.mark.parametrize("name", list(shelf.catalogue()))
def test_every_loss_has_a_page_for_machines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(shown(capsys, name, "--json"))
    assert facts["kind"] == "show"
    assert facts["name"] == name
    assert facts["summary"]
    assert {field["name"] for field in facts["fields"]} == shelf.catalogue()[name].fields.keys()
    assert "depends on the fields" not in json.dumps(facts["card"])


def test_json_says_fields_and_claims_at_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(shown(capsys, "Pinball(level=0.9)", "--json"))
    level = next(field for field in facts["fields"] if field["name"] == "level")
    assert (level["value"], level["default"], level["required"]) == (0.9, 0.5, False)
    assert level["bounds"] == {"above": 0, "below": 1}
    assert facts["card"]["elicits"] == "quantile(0.9)"


@pytest.mark.parametrize("name", list(outlines()))
def test_a_wrapper_has_a_page_around_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, name)
    assert told.startswith(f"{name}(inner=")
    assert "    inner" not in told.splitlines()
    facts = json.loads(shown(capsys, name, "--json"))
    assert facts["fields"][0]["name"] == "inner"


def test_a_wrapper_around_the_loss_that_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "Truncated(Huber(delta=0.5), cap=2)")
    assert "wald.Truncated(inner=wald.Huber(delta=0.5), cap=2.0)" in told
    assert "Picture  the loss of one example against prediction" in told
    assert "cap must be > 0" in refused(capsys, "Truncated(Huber(), cap=-1)")


# What is refused.


def test_a_wrong_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "Hubr")
    assert said.startswith("wald show: no loss is known as 'Hubr'. The nearest are Huber")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("Huber(dleta=1)", "Huber has no field dleta: did you mean delta"),
        ("Huber(delta=-1)", "Huber: delta must be > 0, got -1"),
        ("Huber(delta='wide')", "Huber: delta: a number is wanted, got 'wide'"),
        ("Huber(2)", "fields are given by name"),
        ("Huber(delta=", "is not an expression"),
        ("Huber(**{})", "is not an expression"),
        ("Huber(delta=1).x", "is not an expression"),
        ("Huber(delta=open('x'))", "fields take plain values"),
        ("", "no loss is known as ''"),
    ],
)
def test_a_wrong_expression_is_answered_with_the_reason(
    expression: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, expression)


def test_nothing_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there"
    refused(capsys, f"Huber(delta=__import__('pathlib').Path({str(there)!r}).touch())")
    assert not there.exists()


def test_without_a_name_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "usage: wald show" in refused(capsys)


# Pictures.


@pytest.mark.parametrize("name", list(shelf.catalogue()))
def test_every_loss_has_a_picture_or_says_why_not(name: str) -> None:
    found = drawn(name)
    if isinstance(found, Picture):
        for curve in found.curves.values():
            assert len(curve) == len(found.x)
            assert sum(map(isfinite, curve)) > len(curve) / 2
    else:
        assert found.startswith("none: ")


def test_a_curve_is_the_loss() -> None:
    import torch

    import wald

    drawn = picture(understand("Huber(delta=0.7)"))
    assert isinstance(drawn, Picture)
    x = torch.tensor(drawn.x, dtype=torch.float64)
    there = wald.Huber(delta=0.7)(x, torch.zeros_like(x), reduction="none")
    torch.testing.assert_close(torch.tensor(drawn.curves["target = 0"], dtype=torch.float64), there)


def one(inputs: str, formula: str) -> str:
    return f'''
        class One(Supervised):
            """One."""

            card = Card(task="other", inputs={inputs}, formula={formula})
    '''


@pytest.mark.parametrize(
    ("inputs", "formula", "axis", "curves"),
    [
        (
            '{"prediction": Logit, "target": BinaryTarget}',
            'Formula("softplus(prediction) - target * prediction")',
            "prediction, a logit",
            ["target = 1", "target = 0"],
        ),
        (
            '{"prediction": Logits, "target": ClassTarget}',
            'Formula("-log_softmax(prediction)[target]")',
            "one of 3 classes of prediction, the others at 0",
            ["target is this class", "target is another class"],
        ),
        (
            '{"prediction": Probabilities, "target": ClassId}',
            'Formula("-log(prediction[target])")',
            "the probability of one class, the others alike",
            ["target is this class", "target is another class"],
        ),
        (
            '{"prediction": Positive, "target": Positive}',
            'Formula("target / prediction - log(target / prediction) - 1")',
            "prediction",
            ["target = 1"],
        ),
        (
            '{"prediction": Vector, "target": Vector}',
            'Formula("sum([a * b for a, b in zip(prediction, target)]) / distance(prediction, [0, 0, 0])'
            ' / distance(target, [0, 0, 0])")',
            "one of 3 features of prediction, the others at 1",
            ["target = 1"],
        ),
        (
            '{"chosen": Real, "rejected": Real}',
            'Formula("softplus(rejected - chosen)")',
            "chosen",
            ["rejected = 0"],
        ),
        (
            '{"logprob": Real, "old": Real, "advantage": Real, "label": BinaryTarget}',
            'Formula("label * advantage * exp(logprob - old)")',
            "logprob",
            ["old, advantage, label = 1"],
        ),
    ],
)
def test_a_picture_runs_along_what_the_card_says(
    write, inputs: str, formula: str, axis: str, curves: list[str]
) -> None:
    write(one(inputs, formula))
    drawn = picture(understand("One"))
    assert isinstance(drawn, Picture), drawn
    assert drawn.axis == axis
    assert list(drawn.curves) == curves


def test_a_formula_in_words_has_no_picture(write, capsys: pytest.CaptureFixture[str]) -> None:
    write(one('{"query": Vector, "key": Vector}', '"log of the softmax over all pairs of the batch"'))
    told = shown(capsys, "One")
    assert "Picture  none: the formula is told in words" in told
    assert "    log of the softmax over all pairs" in told


def test_a_formula_that_leaves_out_a_changed_field_says_so(write, capsys: pytest.CaptureFixture[str]) -> None:
    write('''
        class One(Supervised):
            """One."""

            scale: float = param(default=1.0, above=0, help="what it is multiplied by.")

            card = Card(
                task="regression",
                inputs={"prediction": Real, "target": Real},
                formula=Formula("abs(prediction - target)"),
            )
    ''')
    assert "Picture  the loss" in shown(capsys, "One(scale=1)")
    told = shown(capsys, "One(scale=2)")
    assert "Picture  none: the formula holds only where scale is at its default." in told
    assert "    where scale is at its default" in told


def test_a_field_without_a_default_takes_a_value_worth_testing(write, capsys: pytest.CaptureFixture[str]) -> None:
    write('''
        class One(Contrastive):
            """One."""

            temperature: float = param(above=0, typical=(0.1, 1.0), help="how sharp the softmax is.")

            card = Card(task="other", inputs={"a": Real, "b": Real}, formula=Formula("(a - b)**2 / temperature"))
    ''')
    told = shown(capsys, "One")
    assert told.startswith("One(temperature=0.1)")
    assert "yours to choose" in told
    field = json.loads(shown(capsys, "One", "--json"))["fields"][0]
    assert (field["required"], field["default"], field["value"]) == (True, None, 0.1)


def test_a_picture_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    for name in ("huber.svg", "huber.png"):
        path = tmp_path / name
        assert f"The picture is in {path}." in shown(capsys, "Huber", "--plot", str(path))
        assert path.stat().st_size > 1000
    assert "<svg" in (tmp_path / "huber.svg").read_text()
    # With --json the only thing written is JSON.
    json.loads(shown(capsys, "Huber", "--json", "--plot", str(tmp_path / "again.svg")))


def test_a_picture_in_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert "nowhere" in refused(capsys, "Huber", "--plot", str(tmp_path / "nowhere" / "huber.svg"))
    assert "format" in refused(capsys, "Huber", "--plot", str(tmp_path / "huber.xyz"))
