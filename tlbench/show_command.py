"""`tlbench list`, and `tlbench show GROUP=NAME`: a config with its comments, what it builds in its own words, its search."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import yaml

from tlbench.command_parser import LISTED
from tlbench.errors import TlbenchError, unknown
from tlbench.listing import describe
from tlbench.paths import conf_dir


def list_options(what: str, config_dir: str | None) -> int:
    """Print what there is to choose from, a line each; 0. Raises TlbenchError for what is none of LISTED."""
    if what not in LISTED:
        raise unknown("list", what, LISTED)
    if what == "papers":
        from tlbench.reproduce.papers import list_papers

        return list_papers()
    group = "search" if what == "searches" else what.removesuffix("s")
    found = describe(group, config_dir)
    width = max((len(name) for name, _ in found), default=0)
    for name, text in found:
        print(f"{name:<{width}}  {text}")
    return 0


def show(choice: str, config_dir: str | None) -> int:
    """Print one config; 0.

    Args:
        choice: `method=dann`; the groups are the folders of `conf/`.

    Raises:
        TlbenchError: no such group or name.
    """
    print("\n\n".join(parts(choice, config_dir)))
    return 0


def parts(choice: str, config_dir: str | None) -> Iterator[str]:
    """Yield the file's text, the card of what it builds, and the search that bears its name."""
    group, equals, name = choice.partition("=")
    if config_dir is not None and not Path(config_dir).is_dir():
        raise TlbenchError(f"Config folder '{config_dir}' does not exist. Set by --config-dir.")
    folders = [*([Path(config_dir)] if config_dir else []), conf_dir()]
    groups = sorted(
        {path.name for folder in folders for path in folder.iterdir() if path.is_dir() and any(path.glob("*.yaml"))}
    )
    if group not in groups or not (equals and name):
        raise unknown(
            "config group", group, groups, f"tlbench show {choice}; GROUP=NAME is needed, such as method=dann"
        )
    found = next((path for folder in folders if (path := folder / group / f"{name}.yaml").is_file()), None)
    if found is None:
        known = {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
        raise unknown(group, name, known, f"tlbench show {choice}")
    text = found.read_text("utf-8")
    yield f"{group}/{name}.yaml\n\n{text.strip()}"
    if card := _card(text):
        yield card
    search = next((path for folder in folders if (path := folder / "search" / f"{name}.yaml").is_file()), None)
    if group == "method" and search is not None:
        yield f"search={name}\n\n{search.read_text('utf-8').strip()}"
    if group == "method":
        yield f"Compared with {_references()}. Its page: docs/methods/{name}.md"


def _card(text: str) -> str:
    """Return the docstring of the module, or of the class, that a config builds; nothing of it is imported."""
    target = (yaml.safe_load(text) or {}).get("_target_", "") if text.strip() else ""
    module, _, name = str(target).rpartition(".")
    try:
        spec = importlib.util.find_spec(module) if module else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    own = ast.get_docstring(classes[name]) if name in classes else None
    whole = ast.get_docstring(tree) or ""
    return f"{target}\n\n{whole if module.startswith('baselines.') or not own else own}"


def _references() -> str:
    text = (conf_dir() / "config.yaml").read_text("utf-8")
    found = yaml.safe_load(text)["references"]
    return f"{', '.join(found['without_shots'])}; with labelled target examples {', '.join(found['with_shots'])}"
