"""Any loss in three boosting engines beside the engines' own: what it costs in time, and what comes out.

    python -m benchmarks.boosting [--time] [--twins]

Times are of 20 rounds on 100,000 rows of 20 features on one thread, the table read anew each time, ours and theirs in
turn, the least of three. Twins are the pairs of tests/adapters/twins.py.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
import json
from pathlib import Path
import re
from time import perf_counter
from typing import Any
import warnings

import numpy as np
from tests.adapters.twins import ENGINES, SETTINGS, TWINS, numbers, pair, pairs, started
import torch

from wald import adapters

ROWS, FEATURES, TURNS, ROUNDS = 100_000, 20, 3, 20


def table() -> tuple[Any, dict[str, Any]]:
    rng = np.random.default_rng(20261121)
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    signal = x[:, 0] + x[:, 1] * x[:, 2]
    number = 100 + 3 * signal + rng.standard_t(3, size=ROWS)
    count = rng.poisson(np.exp(0.3 * signal)).astype(float)
    targets = dict.fromkeys(("squared", "absolute", "quantile 0.9", "Huber"), number)
    return x, targets | {
        "logistic": (signal + rng.normal(size=ROWS) > 1).astype(int),
        "several classes": np.digitize(signal, [-1, 1]),
        "Poisson": count,
        "Tweedie 1.5": count,
        "gamma": np.exp(0.3 * signal) * rng.gamma(2.0, 0.5, ROWS),
    }


def own(engine: str, given: dict[str, Any], x: Any, y: Any, start: Any) -> None:
    scores = None if start is None else np.repeat(start[None, :], len(y), 0)
    if engine == "xgboost":
        import xgboost

        xgboost.train(given | ({} if start is None else {"base_score": float(start[0])}), xgboost.DMatrix(x, y), ROUNDS)
    elif engine == "lightgbm":
        import lightgbm

        lightgbm.train(
            given | {"verbosity": -1},
            lightgbm.Dataset(x, y, init_score=scores if start is None else scores[:, 0]),
            ROUNDS,
        )
    else:
        import catboost

        quiet = {"iterations": ROUNDS, "verbose": False, "allow_writing_files": False, "metric_period": ROUNDS}
        catboost.CatBoost(given | quiet).fit(catboost.Pool(x, y, baseline=scores))


def seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def times() -> list[dict[str, Any]]:
    x, targets = table()
    found: list[dict[str, Any]] = []
    for twin in TWINS:
        y = targets[twin.name]
        for engine in ENGINES:
            if engine not in twin.own:
                continue
            adapter: Any = getattr(adapters, engine)(twin.loss(y, engine), y)
            # An engine whose own loss starts far off grows other trees, which cost another time.
            start = started(engine, twin, y) if twin.same_start.get(engine) else None
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(TURNS):
                theirs.append(seconds(lambda: own(engine, twin.own[engine](y) | SETTINGS[engine], x, y, start)))  # noqa: B023
                ours.append(seconds(lambda: adapter.fit(x, y, rounds=ROUNDS, **SETTINGS[engine])))  # noqa: B023
            found.append(
                {
                    "engine": engine,
                    "loss": twin.name,
                    "ours": min(ours),
                    "theirs": min(theirs),
                    "ratio": min(ours) / min(theirs),
                }
            )
            print(
                f"{twin.name:16} {engine:9} {min(ours):6.2f} s beside {min(theirs):6.2f} s: {found[-1]['ratio']:.2f}",
                flush=True,
            )
    return found


def tables(kept: dict[str, Any]) -> dict[str, str]:
    """The tables of docs/boosting.md, by the name of the place where each stands."""
    losses = list(dict.fromkeys(one["loss"] for one in kept["twins"]))
    quality, speed = [], []
    for loss in losses:
        cells, seconds_of = [], []
        for engine in ENGINES:
            those = [one for one in kept["twins"] if (one["loss"], one["engine"]) == (loss, engine)]
            ratios = [one["ratio"] for one in those]
            apart = max((x for one in those for x in one["apart"]), default=0.0)
            cells.append(f"{min(ratios):.3f} to {max(ratios):.3f}; {apart:.2%}" if those else "none")
            took = [one["ratio"] for one in kept["times"] if (one["loss"], one["engine"]) == (loss, engine)]
            seconds_of.append(f"{took[0]:.2f}" if took else "none")
        quality.append(f"| {loss} | {' | '.join(cells)} |")
        speed.append(f"| {loss} | {' | '.join(seconds_of)} |")
    huber = {engine: [one["ratio"] for one in kept["huber"] if one["engine"] == engine] for engine in ENGINES}
    chosen = [f"{np.mean(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})" for ratios in huber.values()]
    head = f"| loss | {' | '.join(ENGINES)} |\n|---|---|---|---|\n"
    return {
        "twins": head + "\n".join(quality),
        "times": head + "\n".join(speed),
        "huber": head + f"| Huber, Hessian chosen by wald | {' | '.join(chosen)} |",
    }


def page(text: str, kept: dict[str, Any]) -> str:
    """The page with its tables filled in."""
    for name, table_of in tables(kept).items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(\n<!-- end -->)",
            lambda found, new=table_of: found[1] + new + found[2],
            text,
            flags=re.S,
        )
    return text


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--twins", action="store_true")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*numba.*")
    place = Path(__file__).with_name(f"boosting-{date.today()}.json")
    kept: dict[str, Any] = json.loads(place.read_text()) if place.exists() else {}
    if wanted.time or not wanted.twins:
        kept["times"] = times()
    if wanted.twins or not wanted.time:
        kept["twins"] = [asdict(one) for one in pairs()]
        huber = next(twin for twin in TWINS if twin.name == "Huber")
        kept["huber"] = [asdict(pair(engine, huber, data, auto=True)) for engine in ENGINES for data in numbers()]
    place.write_text(json.dumps(kept, indent=1) + "\n")
    told = Path(__file__).parents[1] / "docs" / "boosting.md"
    told.write_text(page(told.read_text("utf-8"), kept), "utf-8")


if __name__ == "__main__":
    main()
