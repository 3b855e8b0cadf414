from __future__ import annotations

import subprocess
import sys

import pytest

import wald.findings

HEAVY = ["torch", "numpy", "matplotlib", "jinja2", "rich", "json", "xml"]
USE = """
import wald.findings.sketch
from wald.findings import *
Finding(code="W101", state="fail", question="edge cases", says="It breaks.")
figure = Figure(kind="lines", title="t")
"""


def loaded(code):
    script = f"{code}\nimport sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_findings_load_nothing_heavy():
    assert loaded(USE) == []


def test_text_and_environment_load_nothing_heavy():
    heavy = loaded(USE + "str(Report(kind='audit', subject='s', figures=[figure]))")
    assert not {"torch", "numpy", "matplotlib", "jinja2", "rich"} & set(heavy)


def test_the_tests_above_can_fail():
    assert loaded("import json") == ["json"]


def test_every_public_name_is_there():
    for name in wald.findings.__all__:
        assert getattr(wald.findings, name).__module__.startswith(("wald.findings", "typing"))
    assert set(wald.findings.__all__) <= set(dir(wald.findings))
    assert set(wald.findings.__all__) == set(wald.findings._HOMES)
    with pytest.raises(AttributeError, match="no attribute 'Verdict'"):
        _ = wald.findings.Verdict
