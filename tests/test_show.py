"""`tlbench show`: the file, its comments, the card, the search."""

import pytest

from tlbench.cli import main
from tlbench.listing import describe


def test_a_method_is_shown_with_its_card_its_search_and_its_references(capsys):
    assert main(["show", "method=dann"]) == 0
    out = capsys.readouterr().out
    wanted = ["# dann: domain-adversarial training", "gamma: 10.0      ", "arXiv:1505.07818", "Departs  1."]
    for words in [*wanted, "search=dann", "method.weight: {low: 0.01", "Compared with source_only"]:
        assert words in out


@pytest.mark.parametrize(
    "group", ["dataset", "backbone", "optim", "protocol", "classifier", "selection", "sweep", "paper", "augment"]
)
def test_every_config_can_be_shown(group, capsys):
    for name, _ in describe(group):
        assert main(["show", f"{group}={name}"]) == 0
        assert capsys.readouterr().out.startswith(f"{group}/{name}.yaml\n")


def test_one_of_ones_own(tmp_path, capsys):
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "mine.yaml").write_text("# mine: a test's\n_target_: no_module.Mine\n")
    assert main(["show", "method=mine", "--config-dir", str(tmp_path)]) == 0
    assert "# mine: a test's" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("method=dan", "Unknown method 'dan'. Did you mean 'dann'?"),
        ("methods=dann", "Did you mean 'method'?"),
        ("method", "GROUP=NAME is needed"),
    ],
)
def test_mistakes_are_told(choice, told, capsys):
    assert main(["show", choice]) == 2
    assert told in capsys.readouterr().err
