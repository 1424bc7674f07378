"""A layer of the package imports only layers below it."""

import ast
import re
from pathlib import Path

import tlbench

ORDER = [
    {"__main__"},
    {"cli"},
    {"data_commands", "reproduce", "store_commands", "dashboard"},
    {"sweep", "report"},
    {"findings", "listing"},
    {"run"},
    {"about"},
    {"comparison"},
    {"learner"},
    {"training", "selection", "metrics", "loggers"},
    {"transfer", "store"},
    {"config"},
    {"method"},
    {"classifiers", "backbones"},
    {"task"},
    {"protocols"},
    {"splits"},
    {"data"},
    {"functional"},
    {"environment", "seeds", "paths", "worker", "aside"},
    {"errors"},
    {"__init__"},
]
ROOT = Path(tlbench.__file__).parent
LEVEL = {name: level for level, names in enumerate(ORDER) for name in names}


def layer(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def test_every_module_has_a_layer_and_every_layer_a_module():
    assert {layer(path) for path in ROOT.rglob("*.py")} == set(LEVEL)


def test_imports_go_down():
    for path in ROOT.rglob("*.py"):
        own = layer(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                top, _, rest = module.partition(".")
                if top == "tlbench":
                    names = [rest.split(".")[0]] if rest else [a.name for a in node.names if a.name in LEVEL]
                    for name in names or ["__init__"]:
                        assert name == own or LEVEL[name] >= LEVEL[own], f"{path}: {module}"


def test_findings_lay_out_and_draw_nothing():
    for path in (ROOT / "findings").glob("*.py"):
        text = path.read_text("utf-8")
        for word in ("matplotlib", "rich", "jinja2", "streamlit", "Section"):
            assert not re.search(rf"\b{word}\b", text), f"{path}: {word}"


def test_no_module_of_the_report_is_called_like_one_of_the_findings():
    findings, report = ({path.stem for path in (ROOT / name).rglob("*.py")} for name in ("findings", "report"))
    assert findings & report == {"__init__"}
