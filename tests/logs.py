"""Reads back what loggers leave."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2


def wandb_records(content: bytes) -> Iterator[bytes]:
    """Records of a .wandb file: a 7-byte head, then LevelDB's log format in blocks of 32 KiB."""
    at, data = 7, b""
    while at + 7 <= len(content):
        if (room := 32768 - at % 32768) < 7:
            at += room
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        if kind == 0:
            return
        data += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield data
            data = b""


def wandb_run(file: Path) -> dict[str, Any]:
    """An offline run as its server would see it: group, job type, tags, config, history, summary, artefacts."""
    records = [wandb_internal_pb2.Record.FromString(data) for data in wandb_records(file.read_bytes())]
    of_kind = {kind: [getattr(r, kind) for r in records if r.WhichOneof("record_type") == kind]
               for kind in ("run", "config", "history", "summary", "artifact", "exit")}  # fmt: skip
    last = of_kind["run"][-1]
    return {
        "id": last.run_id, "project": last.project, "group": last.run_group, "job_type": last.job_type, "name": last.display_name,
        "tags": list(last.tags), "config": _items(i for r in [*of_kind["run"]] for i in r.config.update)
        | _items(i for r in of_kind["config"] for i in r.update),
        "history": [_items(r.item) for r in of_kind["history"]],
        "summary": _items(i for r in of_kind["summary"] for i in r.update),
        "artifacts": {(r.type, r.name): sorted(_paths(r)) for r in of_kind["artifact"]},
        "exit": [r.exit_code for r in of_kind["exit"]],
    }  # fmt: skip


def _items(items: Any) -> dict[str, Any]:
    return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}


def _paths(artifact: Any) -> list[str]:
    return [entry.path for entry in artifact.manifest.contents]
