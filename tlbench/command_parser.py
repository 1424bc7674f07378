"""What the `tlbench` command takes: commands, options, help, and a near word for one that is misspelt."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn, TypeAlias

from tlbench import __version__
from tlbench.errors import unknown

LISTED = (
    "datasets",
    "methods",
    "augments",
    "backbones",
    "classifiers",
    "protocols",
    "settings",
    "optims",
    "trainers",
    "selections",
    "loggers",
    "sweeps",
    "searches",
    "papers",
)
FORMATS = ("html", "md", "csv", "latex")
FIGURES = ("svg", "pdf", "png")
DESCRIPTION = (
    "Benchmark transfer learning: train methods, compare them with matched references, say where transfer hurts."
)
EPILOG = """examples:
  tlbench run dataset=mini_digits pair=handwritten-printed method=dann seed=0
  tlbench sweep dataset=mini_digits pair=all method=source_only,dann,mmd,coral seed=0,1,2
  tlbench report --out results/report
  tlbench dashboard
  tlbench reproduce coral_aaai16_table1
  tlbench list methods
  tlbench bridges dataset=office_caltech10 pair=caltech10-dslr
run and sweep take Hydra overrides; the keys are those of conf/config.yaml and the groups beside it."""


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="tlbench", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"tlbench {__version__}")
    top.add_argument(
        "--completion", action=Completion, choices=("bash", "zsh", "tcsh"), help="print a script for the shell"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _runs_parser, _predict_parser, _report_parser, _dashboard_parser, _reproduce_parser, _data_parser, _store_parser,
        _list_parser, _show_parser, _bridges_parser, _advise_parser, _atlas_parser,
    ):  # fmt: skip
        add(commands)
    return top


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _runs_parser(commands: Commands) -> None:
    for name, text in (
        ("run", "one run, and the references it is compared with"),
        (
            "sweep",
            "a grid of runs; lists such as seed=0,1,2 and pair=all; resumes by itself; `sweep status`: how far sweeps are",
        ),
    ):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("overrides", nargs="*", help="key=value, as in Hydra")
        sub.add_argument("--config-dir", help="a folder of your own configs, such as method/my_method.yaml")
        sub.add_argument("--dry-run", action="store_true", help="print what would be run, and run nothing")
        sub.set_defaults(command=name)


def _advise_parser(commands: Commands) -> None:
    text = "adapt or not, from a labelled source and an unlabelled target: SOURCE TARGET of your own, or dataset=... pair=..."
    sub = commands.add_parser("advise", help=text, description=text)
    sub.add_argument(
        "overrides", nargs="*", help="SOURCE TARGET of your own, and key=value as in Hydra; method=a,b for several"
    )
    sub.add_argument(
        "--label", type=int, default=0, metavar="N", help="choose N examples whose labels would settle it best"
    )
    sub.add_argument("--labels", metavar="FILE", help="the file of such a choice, with labels filled in")
    sub.add_argument("--out", default="advice", help="folder for predictions.csv and to_label.csv (default: advice)")
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.set_defaults(command="advise")


def _predict_parser(commands: Commands) -> None:
    sub = commands.add_parser("predict", help="labels of new examples by the model that a run kept (keep_model=true)")
    sub.add_argument("run", help="a run key, the start of one, or a run's folder")
    sub.add_argument("files", nargs="+", help="images or folders of them; or .npy .npz .csv .parquet .mat .h5")
    sub.add_argument("--store", help="folder of runs (default: $TLBENCH_STORE, else results/runs)")
    sub.add_argument("--out", help="CSV file to write (default: the terminal)")
    sub.set_defaults(command="predict")


def _report_parser(commands: Commands) -> None:
    sub = commands.add_parser("report", help="leaderboard, gains and flags of a store")
    sub.add_argument("--store", help="folder of runs (default: $TLBENCH_STORE, else results/runs)")
    sub.add_argument("--out", default="results/report", help="folder to write to (default: results/report)")
    sub.add_argument(
        "--format", action="append", choices=(*FORMATS, *FIGURES),
        help="write only this; may be repeated; svg, pdf and png: each figure as a file",
    )  # fmt: skip
    sub.add_argument(
        "--selection", default="last", help="whose checkpoints count: `tlbench list selections` (default: last)"
    )
    sub.add_argument(
        "--correction", default="holm", choices=("holm", "bh"), help="of flags: Holm, or Benjamini-Hochberg"
    )
    sub.add_argument("--margin", type=float, help="points within which a gain is no effect (default: that of the runs)")
    sub.add_argument(
        "--where", action="append", default=[], metavar="COLUMN=VALUE",
        help="only runs with this: any column of runs.csv, such as method=dann,mmd or optim.lr=0.05; != for all others; may be "
        "repeated",
    )  # fmt: skip
    sub.add_argument("--mix-protocols", action="store_true", help="rank over all protocols together")
    sub.set_defaults(command="report")


def _dashboard_parser(commands: Commands) -> None:
    sub = commands.add_parser("dashboard", help="a store in the browser, live")
    sub.add_argument("--store", help="folder of runs (default: $TLBENCH_STORE, else results/runs)")
    sub.add_argument("--port", type=int, help="port to listen on (default: 8501; 0: a free one)")
    sub.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1; any other needs the printed token)",
    )
    sub.set_defaults(command="dashboard")


def _reproduce_parser(commands: Commands) -> None:
    sub = commands.add_parser(
        "reproduce", help="a published table under its own protocol, claimed beside got; or the atlas"
    )
    sub.add_argument("paper", help="as `tlbench list papers` names it; or atlas: what conf/sweep/atlas_*.yaml ask for")
    sub.add_argument("overrides", nargs="*", help="key=value, for a part of the table, such as seed=0 or pair=A-W")
    sub.add_argument("--store", help="folder of runs (default: $TLBENCH_STORE, else results/runs)")
    sub.add_argument("--out", help="folder to write to (default: results/PAPER; for a part of it: nothing is written)")
    sub.add_argument("--row", action="append", help="only this row of the table; may be repeated")
    sub.add_argument(
        "--part", action="append", help="only this part (data set) of the table, or of the atlas; may be repeated"
    )
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.add_argument("--dry-run", action="store_true", help="print what would be run, and run nothing")
    sub.set_defaults(command="reproduce")


def _atlas_parser(commands: Commands) -> None:
    text = "the atlas of negative transfer: add runs of your own"
    actions = commands.add_parser("atlas", help=text, description=text).add_subparsers(required=True, metavar="ACTION")
    told = "check the runs of a store, and make rows of the atlas of those that fit"
    sub = actions.add_parser("add", help=told, description=told)
    sub.add_argument("store", help="folder of runs")
    sub.add_argument("--out", help="folder of the atlas (default: results/atlas of the copy of tlbench that runs)")
    sub.set_defaults(command="atlas", action="add")
    told = "fit the warning's model to the atlas, and write its card (tens of minutes)"
    sub = actions.add_parser("fit", help=told, description=told)
    sub.add_argument("--out", help="folder of the atlas, which then gets the model too (default: results/atlas)")
    sub.set_defaults(command="atlas", action="fit")


def _data_parser(commands: Commands) -> None:
    sub = commands.add_parser("data", help="fetch a data set, or check its files")
    sub.add_argument("action", choices=("get", "check"))
    sub.add_argument("name", help="as `tlbench list datasets` names it")
    sub.add_argument("overrides", nargs="*", help="key=value, such as data_dir=DIR or dataset.root=DIR")
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.set_defaults(command="data")


def _list_parser(commands: Commands) -> None:
    sub = commands.add_parser("list", help="what there is to choose from")
    sub.add_argument("what", metavar="|".join(LISTED))
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.set_defaults(command="list_options")


def _show_parser(commands: Commands) -> None:
    sub = commands.add_parser("show", help="one config with its comments, and what it builds in its own words")
    sub.add_argument("choice", metavar="GROUP=NAME", help="such as method=dann, dataset=office31, optim=office")
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.set_defaults(command="show")


def _bridges_parser(commands: Commands) -> None:
    text = "rank the domains that could stand between a source and a target, without a label"
    sub = commands.add_parser("bridges", help=text, description=text)
    sub.add_argument("overrides", nargs="*", help="key=value, such as dataset=office_caltech10 pair=caltech10-dslr")
    sub.add_argument("--examples", type=int, default=300, help="of each domain, drawn by the seed (default: 300)")
    sub.add_argument("--config-dir", help="a folder of your own configs")
    sub.set_defaults(command="bridges")


def _store_parser(commands: Commands) -> None:
    text = "check a store, export it, look into a run, or make it fast to read"
    actions = commands.add_parser("store", help=text, description=text).add_subparsers(required=True, metavar="ACTION")
    for name, text in (
        ("check", "read every run and name what is missing, torn or left over; deletes nothing"),
        ("export", "the tidy table as a file, or everything to Weights & Biases"),
        ("unpack", "lay the files of a run out as a folder, to look at them"),
        ("compact", "write an index, with which reports read a large store many times as fast"),
    ):
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("--store", help="folder of runs (default: $TLBENCH_STORE, else results/runs)")
        sub.set_defaults(command="store", action=name)
        if name == "unpack":
            sub.add_argument("run", help="run key, or the start of one")
            sub.add_argument("--out", metavar="DIR", help="folder to make (default: the run key)")
        if name == "export":
            sub.add_argument("--csv", metavar="FILE", help="one row a run and selection")
            sub.add_argument("--parquet", metavar="FILE", help="the same as Parquet")
            sub.add_argument(
                "--wandb", action="store_true", help="each run as logger=wandb would have logged it, and a summary"
            )
            sub.add_argument("--project", help="of Weights & Biases (default: that of conf/logger/wandb.yaml)")
            sub.add_argument("--entity", help="of Weights & Biases (default: yours)")
            sub.add_argument(
                "--out", default="results/wandb", help="folder of its run folders (default: results/wandb)"
            )


class Completion(argparse.Action):
    """Prints what a shell needs to complete commands and options, and ends."""

    def __call__(
        self, top: argparse.ArgumentParser, options: object, shell: Any, option: str | None = None
    ) -> NoReturn:
        import shtab  # takes longer than the command line itself

        print(shtab.complete(top, shell=shell))
        top.exit(0)


class Parser(argparse.ArgumentParser):
    """Names the nearest known word where a command is misspelt."""

    def error(self, message: str) -> NoReturn:
        found = re.match(r"argument (\w+): invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if found is None:
            super().error(message)
        known = found[3].replace("'", "").split(", ")
        self.exit(2, f"tlbench: {unknown(found[1].lower(), found[2], known)} `{self.prog} --help` tells more.\n")
