"""Sweeps into S3 as a user runs them, on a server of this machine: two mirrors, one store."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import pandas as pd
import pytest

from tlbench.cli import main
from tlbench.store.runs import RunStore

WORDS = ["dataset=mini_digits", "pair=H-P", "method=source_only,sa", "seed=0,1", "hydra/launcher=basic"]
COUNTED = """
import sys
from tlbench.running import ensure
from tlbench.cli import main
real = ensure.prepare
def counted(setup, *rest):
    with open(sys.argv[1], "a") as file:
        file.write(setup.key + "\\n")
    return real(setup, *rest)
ensure.prepare = counted
sys.exit(main(sys.argv[2:]))
"""
"""A sweep that tells which runs it computes."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = open(tmp_path_factory.mktemp("moto") / "log", "wb")  # noqa: SIM115
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()
        log.close()


@pytest.fixture
def bucket(server, monkeypatch, tmp_path) -> str:
    given = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "one"))
    boto3.client("s3").create_bucket(Bucket="a-bucket")
    return "a-bucket"


@pytest.mark.slow
def test_two_machines_share_a_store_in_s3(bucket, tmp_path, monkeypatch, capsys):
    store = f"s3://{bucket}/runs"
    sweeps = []
    for name in ("one", "two"):  # at once
        command = [sys.executable, "-c", COUNTED, str(tmp_path / "computed"), "sweep", *WORDS, f"store={store}"]
        environment = {**os.environ, "TLBENCH_CACHE": str(tmp_path / name)}
        sweeps.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    told = [sweep.communicate()[1] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], told
    computed = Counter((tmp_path / "computed").read_text().split())
    assert len(computed) == 4
    assert set(computed.values()) == {1}
    client = boto3.client("s3")
    names = [about["Key"] for about in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert sum(name.endswith(".zip") for name in names) == 4
    assert [name for name in names if ".locks/" in name] == []

    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "three"))
    mirror = RunStore(store)
    assert main(["report", "--store", store, "--format", "csv", "--out", "out"]) == 0
    assert set(pd.read_csv("out/runs.csv")["run_key"]) == set(computed)
    before = mirror.stamps()
    assert main(["sweep", *WORDS, f"store={store}"]) == 0
    assert "4 runs (0 of them references that the methods need), 4 are there." in capsys.readouterr().err
    assert mirror.stamps() == before
    assert main(["store", "check", "--store", store]) == 0
    assert "Runs: 4 done." in capsys.readouterr().out
    assert [path.name for path in Path().iterdir()] == ["out"]  # no folder `s3:`

    monkeypatch.setenv("TLBENCH_STORE", f"s3://no-{bucket}/runs")
    assert main(["store", "check"]) == 2
    assert f"there is no bucket 'no-{bucket}'. Make it first." in capsys.readouterr().err
