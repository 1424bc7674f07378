"""One process at a time works on a run, with locks of the system and without."""

import errno
import fcntl
import multiprocessing
import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.store.test_runs import RECORD, ROWS
from tlbench.store import leases
from tlbench.store.claim_files import FolderClaims
from tlbench.store.leases import Lease
from tlbench.store.locks import Held, Locks, _has_locks
from tlbench.store.runs import RunStore

FORK = multiprocessing.get_context("fork")
AWAY = "elsewhere/boot/pid:[1] 7 abcdefabcdef"
"""An owner on another machine: nobody here can tell whether it lives."""


@pytest.fixture(params=["system", "lease"])
def kind(request, monkeypatch):
    if request.param == "lease":
        monkeypatch.setenv("TLBENCH_LOCKS", "lease")
    return request.param


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "work")


def _count(folder: Path, times: int) -> None:
    locks = Locks(folder / ".locks")
    for _ in range(times):
        with locks.held("k"):
            found = int((folder / "counter").read_text())
            time.sleep(0.001)
            (folder / "counter").write_text(str(found + 1))


def test_one_process_at_a_time_and_no_file_is_left(tmp_path, kind):
    (tmp_path / "counter").write_text("0")
    workers = [FORK.Process(target=_count, args=(tmp_path, 20)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (tmp_path / "counter").read_text() == "60"
    assert files(tmp_path / ".locks") == []


def test_a_lock_that_is_held_is_told_and_only_that(tmp_path, kind):
    locks, others = Locks(tmp_path), Locks(tmp_path)
    with locks.held("k"):
        assert others.is_held("k")
        assert not others.is_held("j")
        with pytest.raises(Held), others.held("k", wait=False):
            pass
        with others.held("j", wait=False):
            pass
        assert others.left() == []
    assert not others.is_held("k")
    with others.held("k", wait=False):
        pass


def _die(folder: Path) -> None:
    with Locks(folder).held("k"):
        os._exit(1)


def test_what_a_dead_process_held_is_free_at_once_and_is_tidied(tmp_path, kind):
    for _ in range(2):
        worker = FORK.Process(target=_die, args=(tmp_path,))
        worker.start()
        worker.join()
        locks = Locks(tmp_path)
        assert files(tmp_path) == [f"k.{'lock' if kind == 'system' else '0'}"]
        assert locks.left() == ["k"]
        assert not locks.is_held("k")
        locks.tidy()
        assert files(tmp_path) == []
        with locks.held("k", wait=False):
            pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_file_system_has_no_locks_leases_take_their_place(tmp_path, monkeypatch, code):
    def without(*_):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(fcntl, "flock", without)
    _has_locks.cache_clear()
    with Locks(tmp_path).held("k"):
        assert files(tmp_path) == ["k.0"]
    _has_locks.cache_clear()


def test_another_machines_claim_is_taken_over_only_after_a_lease_without_a_sign(tmp_path):
    claims = FolderClaims(tmp_path)
    claims.create("k.4", AWAY)
    lease, started = Lease(claims, "k", lease=0.3), time.monotonic()
    assert not lease.acquire(wait=False)
    assert lease.acquire()
    assert time.monotonic() - started >= 0.3
    assert files(tmp_path)[0] == "k.5"
    lease.release()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("claimed", "sign", "left"), [(90, None, True), (130, None, False), (900, 90, True), (900, 130, False)]
)
def test_another_machines_claim_is_tidied_once_it_is_old_by_the_file_systems_clock(tmp_path, claimed, sign, left):
    locks, now = Locks(tmp_path), time.time()
    for name, text, age in (("k.0", AWAY, claimed), ("abcdefabcdef.beat", "3", sign)):
        if age is not None:
            locks.claims.create(name, text)
            os.utime(tmp_path / name, (now - age, now - age))
    before = files(tmp_path)
    assert locks.is_held("k") == left
    assert locks.left() == ([] if left else ["k"])
    locks.tidy()
    assert files(tmp_path) == (before if left else [])


def test_an_owner_that_gives_signs_is_never_taken_for_dead_however_its_clock_goes(tmp_path, monkeypatch):
    claims = FolderClaims(tmp_path)
    claims.create("k.0", AWAY)
    owned = threading.Event()
    waiter = threading.Thread(target=lambda: (Lease(claims, "k", lease=0.4).acquire(), owned.set()), daemon=True)
    monkeypatch.setattr(time, "time", lambda: random.random() * 1e10)
    waiter.start()
    for beat in range(12):
        claims.write("abcdefabcdef.beat", str(beat))
        os.utime(tmp_path / "abcdefabcdef.beat", (beat * 1e8, beat * 1e8))
        time.sleep(0.1)
        assert not owned.is_set()
    assert owned.wait(3)


def test_a_living_owner_gives_signs(tmp_path):
    claims = FolderClaims(tmp_path)
    lease = Lease(claims, "k", lease=0.3)
    lease.acquire()
    seen = set()
    for _ in range(30):
        seen.add(claims.read(f"{lease.token.split()[-1]}.beat"))
        time.sleep(0.01)
    assert len(seen) > 3
    lease.release()
    time.sleep(0.1)
    assert files(tmp_path) == []


def test_an_owner_that_was_taken_for_dead_puts_no_run_in_place_until_it_owns_the_key_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_LOCKS", "lease")
    slow, quick = RunStore(tmp_path), RunStore(tmp_path)
    with slow.lock("ab12"):
        claims = slow.locks.claims
        claims.create("ab12.1", AWAY)  # another machine has taken over
        claims.remove("ab12.0")
        done = threading.Event()
        writing = threading.Thread(target=lambda: (slow.write({**RECORD, "seed": 1}, {"n": 1}, ROWS), done.set()))
        writing.start()
        assert not done.wait(0.3)
        assert quick.status("ab12") is None
        quick.write({**RECORD, "seed": 2}, {"n": 2}, ROWS)
        claims.remove("ab12.1")  # it is done
        writing.join(10)
        assert done.is_set()
    assert slow.record("ab12")["seed"] == 2
    assert files(tmp_path / ".locks") == []


class Slow(FolderClaims):
    """A place at which other processes get in between at any step."""

    def __getattribute__(self, name):
        if name in ("create", "read", "remove", "names"):
            time.sleep(random.random() * 0.004)
        return super().__getattribute__(name)


def test_no_two_own_a_key_however_their_steps_fall(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "_is_dead", lambda owner: False)
    claims, inside, most, done = Slow(tmp_path), [], [], []

    def work(number: int) -> None:
        for turn in range(6):
            lease = Lease(claims, "k", lease=0.25)
            lease.acquire()
            inside.append(number)
            most.append(len(inside))
            time.sleep(random.random() * 0.01)
            inside.remove(number)
            if (number, turn) in ((0, 2), (1, 4)):  # dies: no sign, nothing cleaned up
                lease._ended.set()
                continue
            lease.release()
            done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 28
    assert set(most) == {1}
    assert files(tmp_path) == []
