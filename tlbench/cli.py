"""The `tlbench` command. Heavy imports happen inside the commands, so that `--help` is instant."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tlbench.command_parser import FORMATS, parser
from tlbench.errors import TlbenchError, unknown

OF_THE_MACHINE = (errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP, errno.EROFS, errno.ENOSPC)
"""What is wrong with a file or a place, and not with tlbench: a name too long, no right to read, no room."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 = everything asked for was done, 1 = not all of it, 2 = the command itself is at fault."""
    top = parser()
    options, rest = top.parse_known_args(arguments)
    if rest and (not hasattr(options, "overrides") or any(word.startswith("-") for word in rest)):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # overrides that stand behind an option
        options.overrides += rest
    try:
        if hasattr(options, "overrides") and options.overrides[:1] != ["status"]:
            from tlbench.config.arguments import read

            options.overrides = read(options.overrides)
        return COMMANDS[options.command](options)
    except TlbenchError as error:
        print(f"tlbench: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        print(f"tlbench: {error.strerror}: '{error.filename}'.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        more = " Finished runs are kept; the same command goes on from here." if options.command in RESUMED else ""
        print(f"\ntlbench: interrupted.{more}", file=sys.stderr)
        return 130


@contextmanager
def _importing() -> Iterator[None]:
    """Import without a look for garbage: half a million objects are made and none is let go, and the looks are a tenth of it.

    Later looks leave them out too: each would take as long as a small fit.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run(options: argparse.Namespace) -> int:
    with _importing():
        from tlbench.sweeping.commands import run_one

    return run_one(options.overrides, options.config_dir, dry=options.dry_run)


def sweep(options: argparse.Namespace) -> int:
    if options.overrides[:1] == ["status"]:
        from tlbench.sweeping.sweep_status import sweep_status

        return sweep_status(options.overrides[1:], _store(options))
    with _importing():
        from tlbench.store_commands import log_sweep
        from tlbench.sweeping.commands import run_many

    return run_many(options.overrides, options.config_dir, dry=options.dry_run, after=log_sweep)


def predict(options: argparse.Namespace) -> int:
    from tlbench.predict_command import predict

    return predict(options.run, options.files, _store(options), options.out)


def reproduce(options: argparse.Namespace) -> int:
    if options.paper == "atlas":
        from tlbench.atlas.command import reproduce_atlas

        where = (options.config_dir, options.store, options.out)
        return reproduce_atlas(options.overrides, *where, parts=options.part, dry_run=options.dry_run)
    from tlbench.reproduce.command import reproduce

    return reproduce(
        options.paper,
        options.overrides,
        options.config_dir,
        options.store,
        options.out,
        rows=options.row,
        parts=options.part,
        dry_run=options.dry_run,
    )


def report(options: argparse.Namespace) -> int:
    with _importing():
        from tlbench.listing import describe
        from tlbench.reporting.command import make_report

    store = _store(options)
    known = [name for name, _ in describe("selection")]
    if options.selection not in known:
        raise unknown("selection", options.selection, known, f"--selection {options.selection}")
    if options.margin is not None and not 0 <= options.margin < float("inf"):
        raise TlbenchError(f"--margin must be 0 or more points, got {options.margin:g}.")
    return make_report(
        store,
        options.out,
        options.format or list(FORMATS),
        options.selection,
        correction=options.correction,
        margin=options.margin,
        mix_protocols=options.mix_protocols,
        where=options.where,
    )


def dashboard(options: argparse.Namespace) -> int:
    from tlbench.dashboard.command import serve

    return serve(_store(options), options.host, options.port)


def data(options: argparse.Namespace) -> int:
    from tlbench.data_commands import check_data, get_data

    command = get_data if options.action == "get" else check_data
    return command(options.name, options.overrides, options.config_dir)


def atlas(options: argparse.Namespace) -> int:
    if options.action == "fit":
        from tlbench.atlas.fit_command import fit

        return fit(options.out)
    from tlbench.atlas.command import add

    return add(options.store, options.out)


def store(options: argparse.Namespace) -> int:
    from tlbench import store_commands as commands

    folder = _store(options)
    if options.action == "check":
        return commands.check(folder)
    if options.action == "compact":
        return commands.make_index(folder)
    if options.action == "unpack":
        return commands.unpack(folder, options.run, options.out)
    return commands.export(
        folder,
        csv=options.csv,
        parquet=options.parquet,
        to_wandb=options.wandb,
        project=options.project,
        entity=options.entity,
        out=options.out,
    )


def show(options: argparse.Namespace) -> int:
    from tlbench.show_command import show

    return show(options.choice, options.config_dir)


def bridges(options: argparse.Namespace) -> int:
    from tlbench.bridges_command import bridges

    return bridges(options.overrides, options.config_dir, options.examples)


def advise(options: argparse.Namespace) -> int:
    from tlbench.advising.command import advise

    return advise(options.overrides, options.config_dir, label=options.label, labels=options.labels, out=options.out)


def list_options(options: argparse.Namespace) -> int:
    from tlbench.show_command import list_options

    return list_options(options.what, options.config_dir)


def _store(options: argparse.Namespace) -> str:
    return str(getattr(options, "store", None) or os.environ.get("TLBENCH_STORE", "results/runs"))


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    command.__name__: command
    for command in (
        run,
        sweep,
        predict,
        reproduce,
        report,
        dashboard,
        data,
        store,
        show,
        bridges,
        advise,
        atlas,
        list_options,
    )
}
RESUMED = ("run", "sweep", "reproduce")
"""Commands that go on where they were interrupted."""
