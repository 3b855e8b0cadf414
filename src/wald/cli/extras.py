"""The extras of Wald, `pip install 'wald[report]'`: which are installed here, and what each adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
import re
from typing import Final

#: What each extra is for. Those that only developers of Wald need are left out.
ADDS: Final = {
    "report": "pictures in reports, and `wald show --plot`",
    "audit": "the statistics of `wald audit` and `wald choose`",
    "examples": "the cases that `wald audit --list` names, on real data sets",
    "tables": "CSV and Parquet files as data",
    "gbdt": "losses as objectives of XGBoost, LightGBM and CatBoost",
    "choose": "`wald choose`",
    "cluster": "`wald choose` on a cluster of Ray or Dask",
    "triton": "programs for GPUs of NVIDIA, where torch did not bring it (its CUDA builds for Linux do)",
    "hf": "models of Hugging Face in audits",
    "peers": "other libraries beside Wald in `wald bench`",
}


@dataclass(frozen=True)
class Extra:
    """One extra.

    Attributes:
        name: as in `pip install 'wald[name]'`.
        adds: what it is for.
        present: the packages of it that are installed, with their versions.
        missing: the packages of it that are not.
    """

    name: str
    adds: str
    present: dict[str, str] = field(default_factory=dict[str, str])
    missing: tuple[str, ...] = ()


def extras() -> list[Extra]:
    """Every extra that a user may want; none where Wald runs from a folder that nobody installed."""
    found: list[Extra] = []
    for name, adds in ADDS.items():
        packages = _packages(name)
        versions = {package: _version(package) for package in packages}
        present = {package: version for package, version in versions.items() if version}
        missing = tuple(package for package in packages if package not in present)
        found += [Extra(name, adds, present, missing)] if packages else []
    return found


def _packages(extra: str) -> list[str]:
    """The packages of an extra; those of the extras that it includes are listed with it."""
    try:
        required = metadata.requires("wald") or []
    except metadata.PackageNotFoundError:
        return []
    mine = re.compile(rf"""([\w.-]+)[^;]*;.*extra\s*==\s*['"]{extra}['"]""")
    return [found[1] for line in required if (found := mine.match(line))]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
