"""Configs of the user's own: what is wrong in a file, what it replaces, what it is called."""

from pathlib import Path

import pytest

from tests.support import config_of, jobs_of
from tlbench.cli import main
from tlbench.errors import TlbenchError, say_once

DANN = "_target_: baselines.dann.Dann\nweight: 1.0\ngamma: 10.0\nhidden: 64\n"


def written(text: str | bytes, name: str = "method/mine.yaml") -> Path:
    path = Path("my_conf", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Path("my_conf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_target_: [1.0\nweight: 1.0\n", r"my_conf/method/mine\.yaml, line 2, column 7: no valid YAML \(while"),
        (f"{DANN}\tvariant: paper\n", r"my_conf/method/mine\.yaml, line 5, .*not by tabs"),
        (f"{DANN}weight: 2.0\n", r"line 5, .*found duplicate key weight"),
        (b"# \xff\n" + DANN.encode(), r"my_conf/method/mine\.yaml is no text in UTF-8"),
        ("- a\n- b\n", r"method/mine\.yaml must hold keys with their values.*got a list"),
        ("", r"conf/method/mine\.yaml must name the class to build"),
        ("defaults: dann\n", r"defaults must be a list \(got str\): write it as defaults: \[parent, _self_\]"),
        ("defaults: [dan, _self_]\n", "Could not load 'method/dan'"),
        ("defaults: [mine, _self_]\n", "lead back to itself"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_is_told_in_one_line_that_names_it(text, message):
    assert config_of("pair=H-P", "method=mine", config_dir=written(DANN)).method["name"] == "mine"
    with pytest.raises(TlbenchError, match=message) as caught:
        jobs_of("pair=H-P", "method=mine", config_dir=written(text))
    assert "\n" not in str(caught.value)


def test_what_takes_the_place_of_a_shipped_config_is_said_once(capsys):
    say_once.cache_clear()
    folder = written(DANN)
    jobs_of("pair=H-P", "method=source_only", config_dir=folder)
    assert capsys.readouterr().err == ""
    written(DANN, "method/dann.yaml")
    written("kind: sgd\n", "optim/sgd.yaml")
    for _ in range(2):
        jobs_of("pair=H-P", "method=source_only", "optim=adam", config_dir=folder)
    first, second = capsys.readouterr().err.splitlines()
    assert first == (
        "tlbench: my_conf/method/dann.yaml takes the place of tlbench's own conf/method/dann.yaml. Call it otherwise to "
        "keep both."
    )
    assert "conf/optim/sgd.yaml" in second


def test_a_file_without_a_name_is_called_as_it_is_whatever_its_parent_is_called():
    data = "".join(f"{i % 2},{i}\n" for i in range(40))
    for domain in "ab":
        Path(f"{domain}.csv").write_text(f"y,x\n{data}")
    inherits = "defaults: [arrays, _self_]\npaths: {a: a.csv, b: b.csv}\n"
    folder = written(inherits, "dataset/mine.yaml")
    words = ["dataset=mine", "pair=a-b", "method=coral_linear"]
    assert config_of(*words, config_dir=folder).dataset["name"] == "mine"
    assert config_of(*words, "dataset.name=said", config_dir=folder).dataset["name"] == "said"
    written(f"{inherits}name: own\n", "dataset/mine.yaml")
    assert config_of(*words, config_dir=folder).dataset["name"] == "own"
    assert config_of("pair=H-P", "method=dann", config_dir=folder).dataset["name"] == "mini_digits"


def test_a_name_cannot_be_put_on_a_config_that_has_none():
    with pytest.raises(TlbenchError, match=r"\+method\.name=\.\.\.: a method is called as its file is"):
        jobs_of("pair=H-P", "method=dann", "+method.name=source_only")


def test_letters_of_any_language_name_domains_and_files(capsys):
    for name in ("日", "夜"):
        Path(f"{name}.csv").write_text("y,x\n" + "".join(f"{i % 2},{i}\n" for i in range(40)))
    written("defaults: [arrays, _self_]\npaths: {日: 日.csv, 夜: 夜.csv}\n", "dataset/昼夜.yaml")
    words = ["run", "dataset=昼夜", "pair=日-夜", "method=coral_linear", "--config-dir", "my_conf", "--dry-run"]
    assert main(words) == 0
    assert "coral_linear 昼夜 日-夜 seed 0" in capsys.readouterr().out
