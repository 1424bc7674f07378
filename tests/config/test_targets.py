import pytest

from tlbench.config.build import build, classifier_shape, method_class
from tlbench.config.targets import hints_of, located
from tlbench.errors import TlbenchError

MODULES = {
    "my_broken": "def f(:\n    pass\n",
    "my_lack": "import not_installed_at_all\n",
    "my_slip": "x = 1\ny = undefined_name\n",
    "my_whole": "class Mine:\n    learner = 'neither'\n    def __init__(self, *, weight): ...\n",
}


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    import sys
    from pathlib import Path

    monkeypatch.syspath_prepend(".")
    for name, text in MODULES.items():
        Path(f"{name}.py").write_text(text)
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("my_broken.X", r"method 'm': module 'my_broken' cannot be imported: SyntaxError: .* \(.*my_broken\.py, line 1\)"),
        ("my_lack.X", r"cannot be imported: ModuleNotFoundError: No module named 'not_installed_at_all' \(.*line 1\)"),
        ("my_slip.X", r"cannot be imported: NameError: name 'undefined_name' is not defined \(.*my_slip\.py, line 2\)"),
        ("my_wohle.Mine", "there is no module 'my_wohle', neither in the folder where the command is given nor installed"),
        ("my_whole.Mien", r"Unknown name in my_whole 'Mien'\. Did you mean 'Mine'\?"),
        ("my_whole.Mine.more", "Unknown name in Mine 'more'"),
        ("Mine", r"conf/method/m\.yaml must name the class to build.*got _target_ 'Mine'"),
        (5, "got _target_ 5"),
        (None, "got _target_ None"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_target_is_told_in_one_line(target, message):
    assert located("method", {"name": "m", "_target_": "my_whole.Mine"}).__name__ == "Mine"
    with pytest.raises(TlbenchError, match=message) as caught:
        located("method", {"name": "m", "_target_": target})
    assert "\n" not in str(caught.value)


def test_a_class_of_another_kind_is_told():
    with pytest.raises(TlbenchError, match=r"method 'm': my_whole\.Mine is no tlbench\.method\.Method"):
        method_class({"name": "m", "_target_": "my_whole.Mine"})
    with pytest.raises(TlbenchError, match=r"method 'm': json\.dumps is no tlbench\.method\.Method"):
        method_class({"name": "m", "_target_": "json.dumps"})
    with pytest.raises(TlbenchError, match="must say that its learner is gradient or estimator"):
        classifier_shape({"name": "c", "_target_": "my_whole.Mine"})


def test_what_is_built_is_called_by_its_name():
    with pytest.raises(TlbenchError, match=r"dataset 'mine' \(my_whole\.Mine\) does not fit its config"):
        build("dataset", {"_target_": "my_whole.Mine"}, name="mine")


def test_hints_are_those_of_the_whole_family_and_lack_what_only_a_type_checker_knows():
    from baselines.tca import Tca
    from tlbench.protocols import Inductive

    assert (hints_of(Tca)["dim"], hints_of(Tca)["ridge"]) == (int, float)
    assert hints_of(Inductive)["source_val"] is float

    def logger(name: str, run: "OnlyForATypeChecker") -> None: ...  # noqa: F821

    assert hints_of(logger)["name"] is str
    assert "run" not in hints_of(logger)
