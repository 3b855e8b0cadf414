"""Work spread over processes and machines: the same table, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
import os
from typing import Any
import warnings

import numpy as np
import pytest

import wald
from wald.choices import Candidate
from wald.choices.racing import Race, race

joblib = pytest.importorskip("joblib")

pytestmark = [pytest.mark.distributed, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def _raced(jobs: int | None = None) -> Race:
    luck = np.random.default_rng(3)
    x = luck.normal(size=(400, 4))
    y = (luck.random(400) < 1 / (1 + np.exp(2 - x[:, 0] - x[:, 1]))).astype(int)
    plain, weighted = wald.BinaryCrossEntropy(), wald.BinaryCrossEntropy(pos_weight=5.0)
    candidates = [
        Candidate(name="plain", loss=plain),
        Candidate(name="moved", loss=plain, after="threshold", plainness=1),
        Candidate(name="corrected", loss=weighted, after="prior correction", plainness=2),
    ]
    return race(x, y, candidates, "f1", folds=2, jobs=jobs)


@pytest.fixture(scope="module")
def alone() -> list[dict[str, Any]]:
    """The table of one process."""
    return _raced().table()


def test_two_processes_give_the_table_of_one(alone: list[dict[str, Any]]) -> None:
    try:
        with joblib.parallel_config(backend="loky"):
            assert _raced(jobs=2).table() == alone
    finally:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def test_threads_give_the_table_of_one(alone: list[dict[str, Any]]) -> None:
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert _raced().table() == alone


@pytest.fixture
def ray_cluster() -> Iterator[Any]:
    """Two nodes of Ray on this machine."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster
    from ray.util.joblib import register_ray

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        register_ray()
        yield ray
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_two_nodes_of_ray_give_the_table_of_one(alone: list[dict[str, Any]], ray_cluster: Any) -> None:
    assert len([node for node in ray_cluster.nodes() if node["Alive"]]) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with joblib.parallel_config(backend="ray", n_jobs=2):
            assert _raced().table() == alone


def test_dask_gives_the_table_of_one(alone: list[dict[str, Any]]) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask", n_jobs=2),
    ):
        assert _raced().table() == alone
