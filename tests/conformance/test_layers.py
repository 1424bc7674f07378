"""A layer of the package imports only layers below it."""

import ast
import re
from pathlib import Path

import tlbench

ORDER = [
    {"__main__"},
    {"cli"},
    {"api"},
    {"bridges_command", "predict_command", "show_command"},
    {"advising", "atlas", "data_commands", "reproduce", "store_commands", "dashboard"},
    {"sweeping", "reporting"},
    {"findings", "listing"},
    {"running"},
    {"config"},
    {"training", "selection", "loggers"},
    {"transfer", "store"},
    {"method"},
    {"classifiers", "backbones"},
    {"tasks"},
    {"stream_protocol"},
    {"protocols"},
    {"splits"},
    {"data"},
    {"functional"},
    {"environment", "seeds", "strict", "paths", "aside", "caching", "metrics"},
    {"command_parser", "open_set_metrics"},
    {"errors"},
    {"__init__"},
]
DEEPEST, MOST_IMPORTS = 18, 15
"""Modules that stand on one another, and modules of tlbench that one module imports."""
KNOW_CONFIGS = {
    "cli",
    "api",
    "atlas",
    "sweeping",
    "running/setup",
    "config",
    "reproduce",
    "dashboard/examples",
    "data_commands",
    "store_commands",
}
"""Commands, what plans, and the one stage at which a config becomes a run; dashboard/examples takes shipped configs alone."""
ROOT = Path(tlbench.__file__).parent
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def modules() -> dict[str, Path]:
    """Dotted name of each module of the package, packages by their own name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports, wherever in it; not those that only a type checker imports."""
    found, tree = set(), ast.parse(path.read_text("utf-8"))
    checked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in checked:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known) or {node.module}
    return found & known


def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imports(path, set(known)) - {name, "tlbench"} for name, path in known.items()}


def layer(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def test_every_module_has_a_layer_and_every_layer_a_module():
    assert {layer(path) for path in ROOT.rglob("*.py")} == set(LEVEL)


def test_imports_go_down():
    for path in ROOT.rglob("*.py"):
        own = layer(path)
        if path == ROOT / "__init__.py":  # gives the functions of `api`, at their first use
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                top, _, rest = module.partition(".")
                if top == "tlbench":
                    names = [rest.split(".")[0]] if rest else [a.name for a in node.names if a.name in LEVEL]
                    for name in names or ["__init__"]:
                        assert name == own or LEVEL[name] >= LEVEL[own], f"{path}: {module}"


def test_no_module_stands_on_itself_and_none_on_too_many():
    edges, depth = graph(), dict[str, int]()

    def deep(name: str, above: tuple[str, ...]) -> int:
        assert name not in above, f"a cycle: {' -> '.join([*above[above.index(name) :], name])}"
        if name not in depth:
            depth[name] = 1 + max((deep(other, (*above, name)) for other in edges[name]), default=0)
        return depth[name]

    deepest = max(edges, key=lambda name: deep(name, ()))
    assert depth[deepest] <= DEEPEST, deepest


def test_no_module_imports_too_many():
    """But for `cli`, which imports one a command, inside that command."""
    widest = max(((k, v) for k, v in graph().items() if k != "tlbench.cli"), key=lambda item: len(item[1]))
    assert len(widest[1]) <= MOST_IMPORTS, widest


def test_configs_become_objects_in_one_place():
    edges = graph()
    builders = {name for name, others in edges.items() if "tlbench.config.build" in others}
    assert builders == {"tlbench.running.setup"}
    for name, others in edges.items():
        if any(other.split(".")[1:2] == ["config"] for other in others):
            place = "/".join(name.split(".")[1:])
            assert any(place == known or place.startswith(f"{known}/") for known in KNOW_CONFIGS), name


def test_findings_lay_out_and_draw_nothing():
    for path in (ROOT / "findings").glob("*.py"):
        text = path.read_text("utf-8")
        for word in ("matplotlib", "rich", "jinja2", "streamlit", "Section"):
            assert not re.search(rf"\b{word}\b", text), f"{path}: {word}"


def test_no_module_of_the_report_is_called_like_one_of_the_findings():
    findings, report = ({path.stem for path in (ROOT / name).rglob("*.py")} for name in ("findings", "reporting"))
    assert findings & report == {"__init__"}


def test_no_two_modules_have_one_name():
    """But for the commands of packages: what a file is about is seen in a list of files."""
    names = [path.name for path in ROOT.rglob("*.py") if path.name not in ("__init__.py", "command.py")]
    assert sorted(names) == sorted(set(names))
