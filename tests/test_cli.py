import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlbench.cli import main

TLBENCH = str(Path(sys.executable).parent / "tlbench")


def test_help_is_instant_and_imports_nothing_heavy():
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([TLBENCH, "--help"], capture_output=True, text=True)
        times.append(time.perf_counter() - started)
    assert done.returncode == 0
    assert "tlbench sweep dataset=mini_digits pair=all" in done.stdout
    assert min(times) < 0.5
    code = "import sys; import tlbench.cli as c; c.parser(); print([m for m in ('torch', 'hydra', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    "what", ["datasets", "methods", "backbones", "protocols", "selections", "classifiers", "sweeps"]
)
def test_list(what, capsys):
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(len(line.split(None, 1)) == 2 for line in lines)


def test_the_users_own_configs_are_listed_too(tmp_path, capsys):
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "mine.yaml").write_text("# mine: what I tried\n_target_: mine.Mine\n")
    main(["list", "methods", "--config-dir", str(tmp_path)])
    assert re.search(r"^mine +what I tried", capsys.readouterr().out, re.MULTILINE)
    assert main(["list", "methods", "--config-dir", "nowhere"]) == 2
    assert "Config folder 'nowhere' does not exist" in capsys.readouterr().err


RUN = ["run", "dataset=mini_digits", "pair=H-P", "method=source_only"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "dataset=minidigits", "pair=H-P", "method=dann"], "Did you mean 'mini_digits'"),
        (["run", "dataset=mini_digits", "pair=H-Q", "method=source_only"], "Unknown domain 'Q'"),
        ([*RUN, "pair=H-R"], "pair is set twice: pair=H-P and pair=H-R"),
        (["run", "dataset=mini_digits", "pair=H-P", "method=dan"], "Did you mean 'dann'"),
        ([*RUN, "backbone=lenett"], "Did you mean 'lenet'"),
        ([*RUN, "optim.steeps=3"], "Did you mean 'optim.steps'"),
        (["run", "dataset=office_caltech10", "pair=A-W", "method=source_only", "data_dir=nowhere"],
         "Data folder 'nowhere' does not exist"),
        (["run", "dataset=office_caltech10", "pair=A-W", "method=source_only", "data_dir=."], "is missing in '.'"),
        ([*RUN, "protocol=transductive", "protocol.shots=999"], "needs 1000 training examples of each class"),
        ([*RUN, "store=file/store"], "cannot be written"),
        ([*RUN, "trainer=gpu"], "torch sees no GPU"),
        ([*RUN, "--config-dir", "nowhere"], "Config folder 'nowhere' does not exist"),
        ([*RUN, "method.wieght=1"], "Unknown config key 'method.wieght'"),
        ([*RUN, "hydra/launcher=joblibb"], "joblibb"),
        ([*RUN, "=="], "key=value"),
    ],
)  # fmt: skip
def test_misuse_is_answered_in_one_line_with_exit_status_2(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    Path("file").write_text("")
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("tlbench: ")
    assert "\n" not in error
    assert "Traceback" not in error


def test_overrides_may_stand_behind_options_and_unknown_options_are_refused(toy, capsys):
    command = ["sweep", "dataset=toy", "--config-dir", str(toy), "pair=L-R", "--dry-run", "method=dann"]
    assert main(command) == 0
    assert "2 runs" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main([*command, "--dryrun"])
    assert caught.value.code == 2


@pytest.mark.slow
def test_a_read_only_store_is_told(toy, tmp_path):
    store = tmp_path / "locked"
    store.mkdir(mode=0o555)
    command = [TLBENCH, "run", "dataset=toy", "pair=L-R", "method=dann", f"store={store}", "--config-dir", str(toy)]
    if os.geteuid() == 0:  # root may write anywhere, unless it gives that right up
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv to be tested as root")
        command = ["setpriv", "--bounding-set", "-dac_override", *command]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert f"Store '{store}' cannot be written (Permission denied)" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_interrupt_ends_in_one_line_and_keeps_what_is_done(toy, tmp_path):
    command = [TLBENCH, "sweep", "dataset=toy", "pair=all", "method=dann", "optim.steps=3000", "--config-dir", str(toy)]
    running = subprocess.Popen(
        [*command, "hydra/launcher=basic"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    store = tmp_path / "store"
    deadline = time.monotonic() + 120
    while not list(store.glob("??/*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for _ in range(6):  # as a person would: Python drops an interrupt that falls into a finaliser
        running.send_signal(signal.SIGINT)
        try:
            running.wait(timeout=10)
            break
        except subprocess.TimeoutExpired:
            continue
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted. Finished runs are kept" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_complete_commands_and_options(shell, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--completion", shell])
    out = capsys.readouterr().out
    for word in ("sweep", "predict", "--dry-run", "--where"):
        assert word in out
