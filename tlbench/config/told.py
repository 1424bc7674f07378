"""What Hydra, OmegaConf and YAML say is wrong, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from tlbench.errors import TlbenchError, unknown

OF_HYDRA = {
    "Config group override must be a string": "a config group takes the name of a file, such as method=dann",
    "Invalid defaults list": "write it as defaults: [parent, _self_]",
}
"""How Hydra's ValueErrors on configs begin, and what to do."""


@contextmanager
def in_one_line(*folders: Path) -> Iterator[None]:
    """Raise TlbenchError in place of what composing a config raises.

    Args:
        folders: where the user's own configs lie; a file that is no text is looked for there, as Python does not name it.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise error_in_one_line(error) from error
    except UnicodeDecodeError as error:
        raise TlbenchError(f"{_no_text(folders)} is no text in UTF-8. Save it as UTF-8.") from error
    except ValueError as error:
        todo = next((todo for start, todo in OF_HYDRA.items() if str(error).startswith(start)), None)
        if todo is None:
            raise
        raise TlbenchError(f"{str(error).rstrip('.')}: {todo}.") from error
    except RecursionError as error:
        raise TlbenchError(
            "The defaults of a config lead back to itself. A file that takes the place of tlbench's own cannot inherit it: call "
            "it otherwise."
        ) from error


def error_in_one_line(error: Exception) -> TlbenchError:
    """Tell the error in one line: what was given, what is allowed."""
    text = str(error)
    if isinstance(error, MarkedYAMLError):
        return _no_yaml(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        return _no_option(error)
    if match := re.search(r"Missing mandatory value: (\S+)", text):
        return TlbenchError(f"{match[1]} must be set: {match[1]}=...")
    if match := re.match(r"Could not override '(hydra\.[^']+)'", text):
        return TlbenchError(
            f"Unknown config key '{match[1]}'. The launcher and the sweeper have none of that name; `tlbench run` has "
            "hydra/launcher=basic, one process."
        )
    if isinstance(error, ConfigCompositionException) and error.__cause__ is not None:
        text = f"{text} {error.__cause__}"
    return TlbenchError(" ".join(text.split()))


def _no_option(error: MissingConfigException) -> TlbenchError:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    asking = re.match(r"In '([^']+)'", str(error))
    own = asking is not None and asking[1] not in ("config", "hydra/config")
    place = f"the defaults of {asking[1]}.yaml" if asking and own else f"{group}={name}"
    return unknown(group, name, error.options or [], place)


def _no_yaml(error: MarkedYAMLError) -> TlbenchError:
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: "
    what = ", ".join(part for part in (error.context, error.problem) if part).replace("\t", "\\t")
    tab = " YAML is indented by spaces, not by tabs." if "\\t" in what else ""
    return TlbenchError(f"{where}no valid YAML ({' '.join(what.split())}).{tab}")


def _no_text(folders: tuple[Path, ...]) -> str:
    for path in (path for folder in folders for path in sorted(folder.rglob("*.yaml"))):
        try:
            path.read_text("utf-8")
        except UnicodeDecodeError:
            return str(path)
    return "A config file"
