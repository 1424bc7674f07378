"""`tlbench advise` on a pair of files and of folders: what it prints, writes and takes back, and what it refuses."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.transfer.warning.outlooks import outlook
from tlbench.advising.advice import ADAPT, KEEP, SAME, UNSURE, Advice, advise_on, best_of, soft_vote, verdict_of
from tlbench.advising.looking import Looked
from tlbench.advising.own_pair import pair_of_own
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.transfer.warning.model import Step, WarningModel

MODEL = WarningModel("test", 0.0, {"neighbours_votes": Step([0.0], [0.5, -0.5])}, adapt_below=0.4, keep_above=0.6)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tlbench.advising.command.shipped_model", lambda: MODEL)


@pytest.fixture
def arrays(tmp_path):
    """Three classes, the target moved; the target's true classes for who labels them."""
    rng = np.random.default_rng(0)
    y, true = rng.integers(0, 3, 90), rng.integers(0, 3, 80)
    x, target = (rng.normal(size=(len(k), 4)) + 1.5 * np.eye(3, 4)[k] for k in (y, true))
    target += np.array([2.0, 0, 0, 0])
    names = np.array(["cat", "dog", "owl"])
    pd.DataFrame(x, columns=list("abcd")).assign(kind=names[y]).to_csv("source.csv", index=False)
    pd.DataFrame(target, columns=list("abcd"))[list("dcba")].to_csv("target.csv", index=False)
    return names[true]


WORDS = ["advise", "source.csv", "target.csv", "dataset.labels=kind", "method=coral_linear,self_training"]


def test_a_pair_of_files_without_target_labels_is_advised_on_and_settled_by_labels(arrays, capsys):
    assert main([*WORDS, "--label", "6"]) == 0
    said = capsys.readouterr().out
    assert "methods against source_only, without a target label" in said
    assert "No promise" in said
    predictions = pd.read_csv("advice/predictions.csv")
    assert list(predictions) == ["example", "vote", "confidence", "source_only", "coral_linear", "self_training"]
    assert predictions["example"].tolist() == [f"target.csv:{row}" for row in range(80)]
    assert set(predictions["vote"]) <= {"cat", "dog", "owl"}
    chosen = pd.read_csv("advice/to_label.csv", dtype=str, keep_default_na=False)
    (method,) = set(chosen["method"])
    told = predictions.set_index("example").loc[chosen["example"]]
    assert (told[method] != told["source_only"]).all()

    rows = chosen["example"].str.rpartition(":")[2].astype(int)
    chosen.assign(label=arrays[rows]).to_csv("labelled.csv", index=False)
    assert main([*WORDS, "--labels", "labelled.csv"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"\(without labels \d\.\d\d\): (adapt|keep the reference|cannot tell)\.", said)
    own, other = (arrays[rows] == told[name].to_numpy() for name in (method, "source_only"))
    assert f"{len(rows)} labels: {method} right on {own.sum()}, source_only on {other.sum()}" in said
    assert re.search(r"Gain on these 80 examples [+-]\d+\.\d points \[[+-]\d+\.\d, [+-]\d+\.\d\] \(95 %\)", said)

    Path("advice/to_label.csv").write_bytes(Path("labelled.csv").read_bytes())
    assert main([*WORDS, "--label", "6"]) == 2
    assert "holds labels, and --label would write over them" in " ".join(capsys.readouterr().err.split())
    assert Path("advice/to_label.csv").read_bytes() == Path("labelled.csv").read_bytes()


def test_a_path_that_is_there_is_no_setting(arrays):
    Path("target.csv").rename("day=2.csv")
    assert main(["advise", "source.csv", "day=2.csv", "dataset.labels=kind", "method=coral_linear"]) == 0
    assert pd.read_csv("advice/predictions.csv")["example"].tolist() == [f"day=2.csv:{row}" for row in range(80)]


def test_labels_that_a_target_file_has_change_nothing(arrays, capsys):
    found = []
    for labels in (["cat", "dog"] * 40, ["owl", "owl"] * 40):
        pd.read_csv("target.csv").assign(kind=labels).to_csv("with_labels.csv", index=False)
        assert main(["advise", "source.csv", "with_labels.csv", *WORDS[3:]]) == 0
        found.append((capsys.readouterr().out, pd.read_csv("advice/predictions.csv")))
    assert found[0][0] == found[1][0]
    pd.testing.assert_frame_equal(found[0][1], found[1][1])
    assert main(WORDS) == 0
    pd.testing.assert_series_equal(pd.read_csv("advice/predictions.csv")["vote"], found[0][1]["vote"])


def test_a_pair_of_folders_is_a_data_set_whose_targets_are_called_as_their_user_calls_them(tmp_path):
    for name in ("photos/cat/1.png", "photos/dog/2.png", "drawn/b.png", "drawn/deep/a.png", "drawn/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    for _ in range(2):
        overrides, names = pair_of_own(tmp_path / "photos", tmp_path / "drawn", [])
        root = overrides[1].removeprefix("dataset.root=")
        assert overrides == ["dataset=image_folder", f"dataset.root={root}", "pair=source-target"]
        assert sorted(names.values()) == [str(tmp_path / f"drawn/{p}") for p in ("b.png", "c.png", "deep/a.png")]
        assert {name.split("/")[1] for name in names} == {"cat", "dog"}
        for name, path in names.items():
            assert (tmp_path / "cache" / "advise" / root.rpartition("/")[2] / name).resolve() == (
                tmp_path / path
            ).resolve()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.csv", "target.csv"], "'nowhere.csv' does not exist. advise takes SOURCE TARGET"),
        (["source.csv"], "advise takes SOURCE TARGET, or none and dataset=... pair=..., got source.csv."),
        (["source.csv", "."], "must both be folders of images, or both be files of numbers"),
        (["source.csv", "two.csv", "dataset.labels=kind"], "'two.csv' holds 2 examples; the 3 classes need as many or more."),
        ([*WORDS[1:4], "method=source_only"], "method=source_only is a reference, and transfers nothing."),
        ([*WORDS[1:4], "method=corl_linear"], "Unknown method 'corl_linear'. Did you mean 'coral_linear'?"),
        ([*WORDS[1:4], "method=pca", "method.dim=2", "seed=0,1"], "advise is on one pair and one seed, got 1 pairs and 2 runs."),
        ([*WORDS[1:4], "method=pca", "method.dim=2", "validators=0"], "gives no look at unlabelled target examples"),
        ([*WORDS[1:], "protocol.shots=3"], "Target labels are not read from SOURCE TARGET, so there are none"),
        ([*WORDS[1:], "--label", "-1"], "--label must be 0 or more examples, got -1."),
        ([*WORDS[1:], "--labels", "nowhere.csv"], "'nowhere.csv' cannot be read"),
        ([*WORDS[1:], "--labels", "target.csv"], "'target.csv' has no column 'example'"),
        ([*WORDS[1:], "--labels", "odd.csv"], "Unknown label 'kat'. Did you mean 'cat'?"),
        ([*WORDS[1:], "--labels", "none.csv"], "'none.csv' holds no label"),
        ([*WORDS[1:], "--labels", "other.csv"], "were chosen for method=sa, and these are coral_linear, self_training"),
        ([*WORDS[1:], "--labels", "lost.csv"], "'target.csv:900' is no example of this target, which has 80"),
        ([*WORDS[1:], "--labels", "twice.csv"], "'twice.csv' has 'target.csv:0' more than once"),
        ([*WORDS[1:], "--labels", "mixed.csv"], "'mixed.csv' was chosen for coral_linear and sa"),
        ([*WORDS[1:], "--labels", "odd.csv", "--label", "3"], "Give one of the two."),
        ([], "advise takes SOURCE TARGET, two files or two folders of images, or dataset=... pair=..."),
        (["source.csv", "short.csv", *WORDS[3:]], "it lacks d and has besides e."),
        (["source.csv", "holes.csv", *WORDS[3:]], "number 1 of row 2, both counted from 0, is nan"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(arrays, capsys, words, told):
    pd.read_csv("target.csv").head(2).to_csv("two.csv", index=False)
    row = {"example": "target.csv:0", "label": "cat", "method": "coral_linear"}
    changed = {
        "odd": {"label": "kat"},
        "none": {"label": ""},
        "other": {"method": "sa"},
        "lost": {"example": "target.csv:900"},
    }
    for name, change in changed.items():
        pd.DataFrame([{**row, **change}]).to_csv(f"{name}.csv", index=False)
    pd.DataFrame([row, row]).to_csv("twice.csv", index=False)
    pd.DataFrame([row, {**row, "example": "target.csv:1", "method": "sa"}]).to_csv("mixed.csv", index=False)
    target = pd.read_csv("target.csv")
    target.rename(columns={"d": "e"}).to_csv("short.csv", index=False)
    target[list("abcd")].mask(lambda x: (x.index.to_numpy()[:, None] == 2) & (x.columns == "b")).to_csv(
        "holes.csv", index=False
    )
    assert main(["advise", *words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_without_a_model_nothing_is_advised(monkeypatch, arrays, capsys):
    monkeypatch.setattr("tlbench.advising.command.shipped_model", lambda: None)
    assert main(WORDS) == 2
    assert "no warning's model" in capsys.readouterr().err


def test_verdicts_the_best_and_the_vote():
    assert [verdict_of(p, MODEL) for p in (0.39, 0.4, 0.6, 0.61)] == [ADAPT, UNSURE, UNSURE, KEEP]
    one, two = (Advice(name, p, UNSURE, [], n, 100) for name, p, n in (("a", 0.6, 30), ("b", 0.5, 4)))
    same = Advice("c", 0.2, SAME, [], 0, 100)
    assert best_of([one, same, two]) is two
    assert best_of([one, same, two], 10) is one
    assert best_of([one, same, two], 4) is two
    assert best_of([same]) is same
    looks = [Looked("m", None, np.array([[p, 1 - p]]), np.array(["x"])) for p in (0.2, 0.6)]
    np.testing.assert_allclose(soft_vote(looks), [[0.4, 0.6]])


def test_a_missing_array_is_named(tmp_path):
    np.savez("a.npz", x=np.zeros((4, 2)), y=[0, 1, 0, 1])
    np.savez("b.npz", other=np.zeros((4, 2)), more=np.zeros(2))
    with pytest.raises(TlbenchError, match="array 'x'"):
        pair_of_own(tmp_path / "a.npz", tmp_path / "b.npz", [])


def test_other_methods_are_asked_about_a_method():
    votes = WarningModel("test", 0.0, {"others_lead": Step([0.0], [1.0, -1.0])})
    reference, own = (
        Looked(n, outlook(said), np.eye(2)[said], np.arange(2)) for n, said in (("r", [0, 0]), ("m", [0, 1]))
    )
    assert advise_on(own, reference, votes).probability == 0.5
    with_it, against = (advise_on(own, reference, votes, [other]).probability for other in (own, reference))
    assert with_it < 0.5 < against
