"""A store in an object store, here in memory: two machines, each with a mirror of its own, and what they see of one another."""

import sys
import threading
import time
import uuid

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry
from hypothesis import given
from hypothesis import strategies as st

from tests.store.test_locks import AWAY
from tests.store.test_runs import RECORD, ROWS
from tlbench.dashboard.data import state_of
from tlbench.errors import TlbenchError
from tlbench.loggers.wandb_export import store_id
from tlbench.store.check_store import check_store
from tlbench.store.leases import Lease
from tlbench.store.locks import Held
from tlbench.store.plans import plan_files, write_plan
from tlbench.store.reading import Damaged
from tlbench.store.remote import object_looks
from tlbench.store.remote.object_claims import ObjectClaims
from tlbench.store.remote.object_looks import FEW, Looks
from tlbench.store.remote.object_notes import UNSENT, Notes
from tlbench.store.remote.objects import Objects, reason
from tlbench.store.runs import RunStore, opened_store

KEY, NAME = "ab12", "ab/ab12.zip"


@pytest.fixture
def address() -> str:
    return f"memory://{uuid.uuid4().hex}/runs"


@pytest.fixture
def machine(address, tmp_path, monkeypatch):
    """A store at one address as a machine of this name sees it, through its own cache."""

    def made(name: str) -> RunStore:
        monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / name))
        return RunStore(address)

    return made


@pytest.fixture
def forgetful(monkeypatch):
    """What was seen of the objects does not count a moment later."""
    monkeypatch.setattr(object_looks, "FRESH", 0.0)
    monkeypatch.setattr(object_looks, "SHARE", 0.0)


def write(store: RunStore, status: str = "done", n: int = 0, **more) -> None:
    with store.lock(KEY):
        store.write({**RECORD, "status": status}, {"n": n}, ROWS, **more)


def test_two_machines_see_one_anothers_runs_and_plans(machine, forgetful):
    one, two = machine("one"), machine("two")
    assert one.root != two.root
    write(one)
    write_plan(one, "sweep-1", ["a=1"], [], {})
    assert one.mirror.objects.tags().keys() == {NAME, "plans/sweep-1.json"}
    assert [path.name for path in plan_files(machine("three"))] == ["sweep-1.json"]
    assert list(two.stamps()) == [KEY]
    assert two.config(KEY) == {"n": 0}
    assert two.predictions(KEY, "last").equals(one.predictions(KEY, "last"))
    assert two.packed(KEY).read_bytes() == one.packed(KEY).read_bytes()
    assert [path.name for path in plan_files(two)] == ["sweep-1.json"]


def test_a_run_is_found_by_its_key_alone(machine):
    one, two = machine("one"), machine("two")
    assert one.record(KEY) is None
    write(one)
    assert two.status(KEY) == "done"
    assert [path.name for path in two.root.rglob("*.zip")] == ["ab12.zip"]


def test_a_run_with_a_model_is_a_folder_on_each_machine(machine, tmp_path, forgetful):
    one, two = machine("one"), machine("two")
    (tmp_path / "model.skops").write_bytes(b"weights")
    write(one)
    assert two.model_file(KEY) is None
    assert two.status(KEY) == "done"
    with one.lock(KEY):
        one.add_beside({**RECORD, "embeddings": 2}, {"raw_source": np.eye(2)}, tmp_path / "model.skops")
    assert two.record(KEY)["embeddings"] == 2
    assert two.model_file(KEY).read_bytes() == b"weights"
    assert two.features(KEY)["raw_source"].tolist() == [[1, 0], [0, 1]]
    assert two.damaged_files(KEY, two.record(KEY)) == []
    assert not two.packed(KEY).exists()
    assert check_store(two).problems == []
    with two.lock(KEY):  # and again, from the other side, where it is a folder now
        two.rewrite_record({**two.record(KEY), "note": "two"})
    assert one.record(KEY)["note"] == "two"
    assert one.model_file(KEY).read_bytes() == b"weights"


def test_a_record_that_was_rewritten_comes_down_and_one_that_was_not_stays(machine, forgetful):
    one, two = machine("one"), machine("two")
    write(one)
    before = two.stamp(KEY)
    assert two.stamp(KEY) == before
    with one.lock(KEY):
        one.rewrite_record({**RECORD, "margin": 2.0})
    after = two.stamp(KEY)
    assert after != before
    assert two.record(KEY)["margin"] == 2.0
    assert two.stamps() == {KEY: after}
    with one.lock(KEY):
        one.rewrite_record({**RECORD, "margin": 3.0})  # of the same size
    assert two.record(KEY)["margin"] == 3.0


def test_a_failed_run_is_replaced_and_a_finished_one_never(machine):
    one, two, three = machine("one"), machine("two"), machine("three")
    assert three.stamp(KEY) is None  # which it takes for granted for some seconds
    write(one, "failed", 1)
    assert two.status(KEY) == "failed"
    write(two, "done", 2)
    write(one, "failed", 3)
    write(one, "done", 4)
    assert one.config(KEY) == {"n": 2}
    three.write(
        {**RECORD, "status": "done"}, {"n": 5}, ROWS
    )  # without the lock: as one does whose claim was taken over
    assert three.config(KEY) == {"n": 2}
    assert three.packed(KEY).read_bytes() == two.mirror.objects.read(NAME)
    three.mirror.objects.remove(NAME)
    write(three, "done", 6)
    assert three.config(KEY) == {"n": 6}


def test_a_machine_learns_under_the_lock_what_another_has_done_meanwhile(machine):
    one, two = machine("one"), machine("two")
    assert two.status(KEY) is None
    write(one)
    assert two.status(KEY) is None  # seen a moment ago
    assert two.stamp(KEY, fresh=True) is not None
    with two.lock(KEY):
        assert two.status(KEY) == "done"


def test_one_machine_at_a_time_works_on_a_run(machine):
    one, two = machine("one"), machine("two")
    with one.lock(KEY):
        assert two.locks.working() == {KEY}
        with pytest.raises(Held), two.lock(KEY, wait=False):
            pass
        with two.lock("cd34", wait=False):
            pass
    with two.lock(KEY, wait=False):
        pass
    assert one.mirror.objects.tags(".locks/") == {}


def test_of_many_claimants_one_wins(address, monkeypatch):
    real = MemoryFileSystem.exists
    monkeypatch.setattr(MemoryFileSystem, "exists", lambda *a, **k: (real(*a, **k), time.sleep(0.01))[0])
    claims, won, start = ObjectClaims(Objects(address), ".locks/"), [], threading.Barrier(8)

    def claim(n: int) -> None:
        start.wait()
        if claims.create("k.0", str(n)):
            won.append(str(n))

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [claims.read("k.0")]


def test_a_claim_whose_owner_is_dead_is_taken_over_and_a_living_ones_is_not(address):
    claims = ObjectClaims(Objects(address), ".locks/")
    claims.create("k.0", AWAY)
    living = Lease(claims, "j", 0.6)
    assert living.acquire()
    began = time.monotonic()
    taken = Lease(claims, "k", 0.6)
    assert taken.acquire()
    assert time.monotonic() - began >= 0.6
    assert not Lease(claims, "j", 0.6).acquire(wait=False)
    assert living.is_mine()
    assert sorted(name for name in claims.names("") if not name.endswith(".beat")) == ["j.0", "k.1"]
    for lease in (living, taken):
        lease.release()


def test_a_claim_made_by_a_put_that_was_sent_twice_is_its_makers(address):
    claims = ObjectClaims(Objects(address), "")
    claims.objects.put("k.0", b"mine")
    assert claims.create("k.0", "mine")
    assert not claims.create("k.0", "yours")


def test_the_age_of_a_claim_is_of_the_place_s_own_clock(address):
    claims = ObjectClaims(Objects(address), "")
    claims.create("k.0", "mine")
    time.sleep(0.2)
    assert 0.2 <= claims.age("k.0") < 5
    assert claims.age("j.0") == 0
    assert claims.names("") == ["k.0"]


def test_a_torn_object_is_damaged_and_told_by_its_address(machine, address, forgetful):
    one, two = machine("one"), machine("two")
    write(one)
    whole = one.packed(KEY).read_bytes()
    one.mirror.objects.put(NAME, whole[: len(whole) // 2])
    with pytest.raises(Damaged, match=f"Delete the object '{address}/{NAME}' and run again"):
        two.record(KEY)
    (problem,) = check_store(two).problems
    assert (problem.kind, f"{address}/{NAME}" in problem.text) == ("record", True)
    one.mirror.objects.remove(NAME)
    assert two.record(KEY) is None
    assert one.stamps() == two.stamps() == {}
    write(two, n=7)
    assert one.status(KEY) == "done"
    assert one.config(KEY) == {"n": 7}


def test_a_torn_object_gives_way_to_a_finished_run(machine):
    one = machine("one")
    one.mirror.objects.put(NAME, b"PK")
    with one.lock(KEY):
        one.mirror.notes.note(NAME, UNSENT)
        one._put(KEY, {"record.json": b"{}"})
        one.mirror.send(NAME)
    assert one.mirror.objects.read(NAME) == one.packed(KEY).read_bytes()


def test_what_could_not_be_sent_is_kept_told_and_sent_by_the_next_sweep(machine, monkeypatch, forgetful):
    one, two = machine("one"), machine("two")

    def cut(*_):
        raise TlbenchError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(one.mirror.objects, "create", cut, raising=True)
        patch.setattr(type(one.locks), "uses_leases", lambda self: False)
        with pytest.raises(TlbenchError, match="no connection"):
            write(one, n=3)
    assert two.status(KEY) is None
    assert one.status(KEY) == "done"
    one.stamps()  # brings nothing down over it, and does not take it for gone
    assert [(p.kind, "the next sweep sends it" in p.text) for p in check_store(one).problems] == [("left over", True)]
    one.check_writable()
    assert two.status(KEY) == "done"
    assert two.config(KEY) == {"n": 3}
    assert check_store(one).problems == check_store(two).problems == []


def test_a_process_that_dies_while_it_brings_something_down_costs_nothing(machine, forgetful):
    one, two = machine("one"), machine("two")
    write(one)
    two.stamps()
    two.mirror.notes.note(NAME, None)
    two.packed(KEY).write_bytes(b"half")
    (two.root / ".remote" / "aside").mkdir(exist_ok=True)
    (two.root / ".remote" / "aside" / "object-1").write_bytes(b"left")
    assert two.status(KEY) == "done"
    assert not (two.root / ".remote" / "aside").exists()


def test_a_server_that_makes_an_object_twice_is_told(machine, monkeypatch):
    store, real = machine("one"), Objects._write
    store.check_writable()
    assert store.mirror.objects.tags() == {}
    monkeypatch.setattr(Objects, "_write", lambda self, name, content, mode: real(self, name, content, "overwrite"))
    with pytest.raises(TlbenchError, match=r"has no conditional writes \(If-None-Match: \*\)"):
        store.check_writable()


def test_a_place_where_fsspec_looks_first_and_writes_then_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "elsewhere").mkdir()
    assert Objects("memory://x").creates_alone()
    assert Objects("s3://bucket/x").creates_alone()
    with pytest.raises(TlbenchError, match="cannot keep two machines from doing one run"):
        RunStore(f"file://{tmp_path}/elsewhere").check_writable()


def test_a_store_that_is_not_there_is_told(machine, address):
    machine("one")
    with pytest.raises(TlbenchError, match=f"Store '{address}' does not exist"):
        opened_store(address)


@pytest.mark.parametrize("n", [FEW, 10 * FEW])
def test_questions_by_the_thousand_cost_one_listing(address, n):
    objects, asked = Objects(address), []
    objects.put("k3", b"x")
    want = objects.tag("k3")
    counted = type(
        "Counted", (), {"tag": lambda _, name: asked.append(name), "tags": lambda _: asked.append("") or {"k3": want}}
    )
    looks = Looks(counted())
    found = [looks.tag(f"k{i}") for i in range(n)] + [looks.tag(f"k{i}") for i in range(n)]
    assert len(asked) == min(n, FEW + 1)
    assert (found[n + 3] == want) == (n > FEW)
    looks.told("k3", "new")
    assert looks.tag("k3") == "new"
    assert looks.tag("k5", fresh=True) is None
    assert asked[-1] == "k5"


NAMES = st.sampled_from(["ab/ab12.zip", "ab/ab123.zip", "cd/ab12.zip", "plans/a@b.json"])


@given(st.lists(st.tuples(NAMES, st.sampled_from([None, UNSENT, "0f", "1e"])), max_size=12))
def test_the_last_note_of_a_name_counts(tmp_path_factory, told):
    notes, want = Notes(tmp_path_factory.mktemp("notes")), {}
    for name, tag in told:
        notes.note(name, tag)
        want[name] = tag
    assert {name: notes.tag(name) for name in want} == want
    assert notes.all() == {name: tag for name, tag in want.items() if tag is not None}


def test_what_is_missing_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(TlbenchError, match=r"Store 's3://a-bucket/x' cannot be reached: pip install 'tlbench\[s3\]'\."):
        Objects("s3://a-bucket/x").tags()
    with pytest.raises(TlbenchError, match="'nowhere' is no kind of place that fsspec knows"):
        Objects("nowhere://x").tags()
    assert "'bucket'. Make it" in reason(FileNotFoundError("x"), "s3://bucket/a/b")
    assert "$AWS_PROFILE" in reason(PermissionError("Forbidden"), "s3://bucket/a/b")
    assert reason(OSError("weird\n thing."), "s3://bucket") == "OSError: weird thing."


def test_who_watches_a_store_elsewhere_sees_that_it_has_changed(machine, address, forgetful):
    one = machine("one")
    write(one)
    machine("two")
    before = state_of(address)
    assert state_of(address) == before
    write_plan(one, "sweep-1", ["a=1"], [], {})
    assert state_of(address) != before


def test_a_store_elsewhere_has_one_name_on_all_machines(machine):
    one, two = machine("one"), machine("two")
    assert store_id(one) == store_id(two)
    assert not (one.root / ".store-id").exists()


def test_one_address_on_two_servers_is_two_mirrors(machine, monkeypatch):
    one = machine("one")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert machine("one").root != one.root


def test_an_address_with_a_stroke_at_its_end_is_the_same_store(machine, address):
    assert RunStore(f"{machine('one').where}/").root == RunStore(address).root
