"""What a sweep says of its length before it starts."""

import pytest

from tests.support import jobs_of, last_of
from tests.trees import image_folder
from tlbench.cli import main
from tlbench.store.runs import RunStore
from tlbench.sweeping.forecast import Forecast, forecast, in_words, step_seconds

CLOSED = ["dataset=mini_digits", "pair=H-P", "method=coral_linear", "backbone=identity", "classifier=linear_svm"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(45.4, "45 s"), (89, "89 s"), (91, "2 min"), (3599, "1 h 00 min"), (12_000, "3 h 20 min")]
)
def test_durations_as_a_person_writes_them(seconds, words):
    assert in_words(seconds) == words


def test_short_sweeps_are_not_told_and_long_ones_count_the_processes():
    def line(n: int, each: float, unknown: int, processes: int) -> str | None:
        return Forecast({str(i): each for i in range(n)}, unknown).line(processes)

    assert line(10, 10.0, 0, 1) is None
    assert line(0, 0.0, 5, 2) is None
    told = line(10, 720.0, 3, 2)
    assert told is not None
    assert told.startswith("About 1 h 00 min for 10 runs, and 3 runs of which nothing is known")
    assert str(line(1, 7200.0, 0, 8)).startswith("About 2 h 00 min for 1 runs.")


def test_a_run_of_which_nothing_is_known_is_taken_to_need_what_the_others_do():
    found = Forecast({"a": 1.0, "b": 3.0, "c": 100.0}, 1)
    assert (found.of("c"), found.of("d")) == (100.0, 3.0)
    assert Forecast({}, 1).of("d") == 60.0


def test_runs_of_a_kind_in_the_store_tell_how_long_others_will_take(tmp_path):
    store = f"store={tmp_path / 'store'}"
    assert main(["sweep", *CLOSED, "seed=0", store]) == 0
    todo = [job for job in jobs_of(*CLOSED, "seed=1,2", store) if job.asked]
    other = jobs_of(*last_of(*CLOSED, "method=sa"), "seed=0", store)
    found = forecast([*todo, *[job for job in other if job.asked]], RunStore(tmp_path / "store"))
    records = [RunStore(tmp_path / "store").record(key) for key in RunStore(tmp_path / "store").run_keys()]
    (mine,) = [record for record in records if record["method"] == "coral_linear"]
    assert found.known == pytest.approx(2 * mine["costs"]["seconds"])
    assert (found.n_known, found.n_unknown) == (2, 1)


def test_a_step_is_timed_where_a_network_is_trained_on_images(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    own = image_folder(tmp_path / "own")
    recipe = [
        "dataset=image_folder", f"dataset.root={own}", "pair=photo-sketch", "backbone=resnet18", "backbone.pretrained=false",
        "augment=office", "augment.size=64", "optim.batch_size=8", "optim.steps=500", "classifier=head", "trainer=cpu",
        "protocol=transductive", f"store={tmp_path / 'store'}",
    ]  # fmt: skip

    def setup(*words):
        (job,) = [job for job in jobs_of(*last_of(*recipe, *words), "seed=0") if job.asked]
        return job.setup

    whole = min(step_seconds(setup("method=dann")) for _ in range(3))
    last = min(step_seconds(setup("method=dann", "backbone.mode=last_k", "augment=plain")) for _ in range(3))
    assert 0 < last < whole
    assert step_seconds(setup("method=dann", "backbone.mode=frozen", "augment=plain")) is None
    monkeypatch.setattr("tlbench.sweeping.forecast.step_seconds", lambda _: 0.5)
    jobs = [job for job in jobs_of(*recipe, "method=dann,mmd", "seed=0,1") if job.asked]
    assert forecast(jobs, RunStore(tmp_path / "store")).known == 4 * 0.5 * 500
    monkeypatch.undo()
    still = [word for word in recipe if not word.startswith("backbone.")]
    (job,) = [j for j in jobs_of(*last_of(*still, "backbone=identity"), "method=source_only", "seed=0") if j.asked]
    assert step_seconds(job.setup) is None  # nothing to train in it
    calls = []
    monkeypatch.setattr("tlbench.sweeping.forecast.step_seconds", lambda setup: calls.append(setup) or 1 / 0)
    broken = forecast(jobs, RunStore(tmp_path / "store"))
    assert (broken.n_known, broken.n_unknown) == (0, 4)  # a forecast stops no sweep
    assert len(calls) == 1  # one network: the methods share it
