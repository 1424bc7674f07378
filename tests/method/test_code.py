"""A method's code is told from another by what it does, not by how it is laid out."""

import importlib

import pytest

from baselines.coral import Coral
from baselines.dann import Dann
from tlbench.method.code import code_fingerprint

CODE = '''
"""A method."""
from tlbench.method import GradientMethod


class Mine(GradientMethod):
    """Nothing much."""

    def adaptation_terms(self, source, target):
        return {"mine": 2.0 * source.features.mean()}  # twice
'''


@pytest.fixture
def fingerprint_of(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def made(name, code):
        (tmp_path / f"{name}.py").write_text(code)
        importlib.invalidate_caches()
        return code_fingerprint(importlib.import_module(name).Mine)

    return made


def test_comments_docstrings_and_layout_have_no_part(fingerprint_of):
    first = fingerprint_of("mine_one", CODE)
    other = CODE.replace("  # twice", "").replace("Nothing much.", "Something.").replace("2.0 * ", "2.0*")
    assert fingerprint_of("mine_two", other) == first
    assert fingerprint_of("mine_three", CODE.replace("2.0", "3.0")) != first


def test_methods_differ_and_a_base_outside_tlbench_counts(fingerprint_of):
    assert code_fingerprint(Dann) != code_fingerprint(Coral)
    base = fingerprint_of("mine_base", CODE)
    child = "import {0}\nclass Mine({0}.Mine):\n    pass\n"
    one = fingerprint_of("mine_child_one", child.format("mine_base"))
    fingerprint_of("mine_other_base", CODE.replace("2.0", "3.0"))
    two = fingerprint_of("mine_child_two", child.format("mine_other_base"))
    assert len({base, one, two}) == 3
