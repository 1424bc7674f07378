"""Each run is done once or lost with its reason, whatever happens to processes, jobs and the person who waits."""

from __future__ import annotations

import pytest

from tests.sweeping.executors.fakes import Scripted, job, write
from tlbench.errors import TlbenchError
from tlbench.store.runs import RunStore
from tlbench.sweeping.complete import Completion
from tlbench.sweeping.executors.interface import CANCELLED, Batch, Loss, State
from tlbench.sweeping.packing import one_by_one, packed

KILLED, SCANCEL = Loss("killed", "by a signal"), Loss(CANCELLED, "by a person")


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(tmp_path / "store")


def in_threes(jobs, placed):
    return packed(jobs, lambda _: 1.0, 3.0, placed)


def completed(jobs, executor: Scripted, pack=one_by_one) -> Completion:
    told: list[str] = []
    found = Completion(jobs, executor, executor.store, pack, told.append)
    found.told = told  # type: ignore[attr-defined]
    found.run()
    return found


def test_all_are_done_once_and_references_first(store):
    jobs = [job("a0"), job("b0"), job("a1", "a0"), job("b1", "b0"), job("a2", "a0", "b0")]
    executor = Scripted(store)
    assert completed(jobs, executor).lost == []
    assert set(executor.begun.values()) == {1}
    order = executor.order.index
    assert all(order(need) < order(key) for need, key in [("a0", "a1"), ("b0", "b1"), ("a0", "a2"), ("b0", "a2")])


@pytest.mark.parametrize("pack", [one_by_one, in_threes])
@pytest.mark.parametrize("killers", [set(), {"00"}, {"04"}, {"02", "03"}, {"00", "01", "02", "03"}])
def test_a_run_that_kills_its_process_is_tried_twice_and_costs_no_other(store, pack, killers):
    jobs = [job(f"{i:02}") for i in range(10)]
    executor = Scripted(store, lambda key: KILLED if key in killers else None)
    found = completed(jobs, executor, pack)
    assert {j.key: loss for j, loss in found.lost} == dict.fromkeys(killers, KILLED)
    assert {key for key in executor.begun if store.status(key) == "done"} == {j.key for j in jobs} - killers
    assert {key: executor.begun[key] for key in executor.begun} == {j.key: 1 + (j.key in killers) for j in jobs}


def test_a_run_alone_is_not_tried_again(store):
    executor = Scripted(store, lambda key: KILLED)
    assert [j.key for j, _ in completed([job("00")], executor).lost] == ["00"]
    assert executor.begun["00"] == 1


def test_a_run_that_was_only_unlucky_is_done_at_its_second_try(store):
    fates = iter([KILLED])
    executor = Scripted(store, lambda key: next(fates, None))
    assert completed([job("00"), job("01")], executor).lost == []
    assert executor.begun == {"00": 2, "01": 1}


def test_where_runs_are_side_by_side_any_that_could_have_been_under_way_has_had_a_try(store):
    executor = Scripted(store, lambda key: KILLED, side_by_side=2)
    found = completed([job("00"), job("01"), job("02")], executor, in_threes)
    assert {j.key for j, _ in found.lost} == {"00", "01", "02"}
    assert max(executor.begun.values()) <= 3


def test_what_a_person_cancels_is_not_begun_again(store):
    executor = Scripted(store, lambda key: SCANCEL if key == "01" else None)
    found = completed([job(f"{i:02}") for i in range(3)], executor, in_threes)
    assert {j.key: loss.kind for j, loss in found.lost} == {"01": CANCELLED, "02": CANCELLED}
    assert executor.begun == {"00": 1, "01": 1}


def test_what_is_with_the_engine_already_is_not_submitted_again(store):
    executor = Scripted(store)
    executor.adopted = [Batch("theirs", (job("00"), job("01")))]
    found = completed([job("00"), job("01"), job("02", "00")], executor)
    assert executor.begun == {"00": 1, "01": 1, "02": 1}
    assert executor.order[-1] == "02"
    assert found.told == ["2 runs are with it already, from an earlier command: they are waited for."]


def test_a_run_that_another_sweep_finishes_meanwhile_is_not_lost(store):
    def elsewhere(key: str) -> Loss | None:
        write(store, key)
        return KILLED

    executor = Scripted(store, elsewhere)
    assert completed([job("00"), job("01")], executor).lost == []
    assert executor.begun == {"00": 1, "01": 1}


def test_an_engine_that_does_not_answer_is_waited_for(store):
    class Mute(Scripted):
        looks = 0

        def wait(self, seconds):
            self.looks += 1
            if self.looks > 5:
                super().wait(seconds)

        def states(self):
            return super().states() if self.looks > 5 else dict.fromkeys(self.taken, State.UNKNOWN)

    executor = Mute(store)
    assert completed([job("00"), job("01")], executor).lost == []
    assert executor.begun == {"00": 1, "01": 1}


def test_a_refusal_of_the_engine_goes_to_the_person_and_leaves_no_record(store):
    class Refusing(Scripted):
        def submit(self, batches):
            raise TlbenchError("no such partition")

    executor = Refusing(store)
    with pytest.raises(TlbenchError, match="no such partition"):
        completed([job("00"), job("01")], executor)
    assert executor.cancelled == 1
    assert store.run_keys() == []


@pytest.mark.parametrize("twice", [False, True])
def test_ctrl_c_lets_what_is_under_way_end_and_a_second_one_does_not(store, twice):
    class Interrupted(Scripted):
        looks = 0

        def wait(self, seconds):
            self.looks += 1
            if self.looks == 2 or (twice and self.looks == 3):
                raise KeyboardInterrupt
            super().wait(seconds)

        def stop(self):
            self.stopped += 1
            self.taken = dict(list(self.taken.items())[-1:])
            self.ready.clear()
            self.ready.add([Batch(name, (job("09"),)) for name in self.taken])
            return 1

    executor = Interrupted(store)
    with pytest.raises(KeyboardInterrupt):
        completed([job(f"{i:02}") for i in range(10)], executor)
    assert executor.stopped == 1
    assert executor.cancelled == twice
    assert executor.order == (["00"] if twice else ["00", "09"])
