"""From Hydra's overrides to the config of one run."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf

from tlbench.backbones.pixels import as_weights_expect
from tlbench.config.own_configs import name_by_file, own_folders
from tlbench.config.schema import RunConfig, checked_config
from tlbench.config.short_words import with_transforms
from tlbench.config.told import in_one_line
from tlbench.config.typed_values import typed
from tlbench.errors import TlbenchError, unknown

GROUPS = (
    "dataset",
    "protocol",
    "augment",
    "backbone",
    "classifier",
    "method",
    "optim",
    "trainer",
    "selection",
    "logger",
)
PLAIN = ("optim", "trainer", "selection")
"""Groups that nothing is built from; their values are checked as they are."""
NOT_OF_A_RUN = ("hydra", "search")
"""What a sweep reads and no run does: the values of a trial stand in its config, and where they came from changes no key."""
PER_RUN = ("pair", "seed")
"""Plain values that most jobs of a sweep differ in; composing once and setting them saves a sweep its start-up time."""
OF_A_RUN = re.compile(rf"\$\{{[^}}]*\b({'|'.join(PER_RUN)})\b")
"""An interpolation of such a value: a config that has one differs in more than these from run to run."""


def settle(config: DictConfig, choices: Mapping[str, Any]) -> RunConfig:
    """Resolve and check a composed Hydra config; each group gets the name of its file as `name`, unless it has one."""
    values = plain(config)
    for name in NOT_OF_A_RUN:
        values.pop(name, None)
    for group in GROUPS:
        if not isinstance(values.get(group), dict):
            raise TlbenchError(f"No {group} is chosen. Set {group}=...; `tlbench list` names what there is.")
        values[group] = {"name": choices[group], **values[group]}
    values["dataset"] = with_transforms(values["dataset"])
    values["augment"] = as_weights_expect(values["augment"], values["backbone"])
    for group in GROUPS:
        values[group] = _as_taken(group, values[group])
    references = values.get("references")
    if isinstance(references, dict) and isinstance(methods := references.get("methods"), dict):
        for name, method in methods.items():
            if not isinstance(method, dict):
                raise TlbenchError(f"references.methods.{name} must be the config of a method, got {method!r}.")
            methods[name] = without_recipe(method)
            # any other is one that a method adds to, and is looked at in the run of such a method: it may bring torch
            if name in (*(references.get("without_shots") or ()), *(references.get("with_shots") or ())):
                methods[name] = typed(f"references.methods.{name}", methods[name])
    return checked_config(values)


def _as_taken(group: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a group as what it builds takes it."""
    if group in PLAIN:
        return values
    return typed(group, without_recipe(values) if group == "method" else values)


def without_recipe(method: dict[str, Any]) -> dict[str, Any]:
    """Return a method's config without its recipe, which stands in the run's config by now and is no parameter of it."""
    return {key: value for key, value in method.items() if key != "recipe"}


def plain(config: DictConfig) -> dict[str, Any]:
    """Turn a resolved config into plain dicts and lists. Raises TlbenchError where a value must be set and is not."""
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise TlbenchError(f"{missing[0]} must be set: {missing[0]}=...")
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


class Composer:
    """Composes configs of single runs with the loader and the master config that Hydra gives a sweeper."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._settled: dict[tuple[str, ...], dict[str, Any]] = {}

    def options(self, group: str) -> list[str]:
        """Return the names in a config group, the user's own folder included."""
        return self.loader.get_group_options(group, results_filter=ObjectType.CONFIG)

    def raw(self, overrides: Sequence[str]) -> DictConfig:
        """Compose a config, Hydra's own node included. Raises TlbenchError in one line for any mistake in it.

        Composing takes a fifth of a second, nearly all of it for the choices of groups: a choice is composed once, and plain
        values, in which the trials of a search differ, are set in copies, as Hydra sets them last of all.
        """
        key = tuple(overrides)
        if key not in self._composed:
            with self._told(overrides):
                values = self._values(key)
                if values:
                    lines = {override.input_line for override in values}
                    config = copy.deepcopy(self.raw([o for o in key if o not in lines]))
                    ConfigLoaderImpl._apply_overrides_to_config(values, config)
                else:
                    config = self.loader.load_sweep_config(self.master, list(overrides))
                    for group in GROUPS:
                        name_by_file(self.loader, group, config, overrides)
            self._composed[key] = config
        return self._composed[key]

    def _values(self, overrides: Sequence[str]) -> list[Override]:
        """Return those that set a single value and choose no file; none where there is more than choices and values."""
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        if any(o.type != OverrideType.CHANGE or o.package or o.is_sweep_override() for o in parsed):
            return []
        return [o for o in parsed if "." in o.key_or_group or not self.options(o.key_or_group)]

    def run_config(self, overrides: Sequence[str]) -> RunConfig:
        """Compose the config of the run that these overrides, without any sweep in them, ask for."""
        own = {key: o.split("=", 1)[1] for o in overrides if (key := o.split("=", 1)[0]) in PER_RUN}
        shared = tuple(o for o in overrides if o.split("=", 1)[0] not in PER_RUN)
        with self._told(overrides):
            values = OmegaConf.from_dotlist([f"{key}={value}" for key, value in own.items()])
            if shared in self._settled and len(own) == len(PER_RUN):
                return checked_config({**self._settled[shared], **plain(values)})
            raw = self.raw(shared)
            merged = OmegaConf.merge(OmegaConf.masked_copy(raw, [str(key) for key in raw if key != "hydra"]), values)
            assert isinstance(merged, DictConfig)
            config = settle(merged, raw.hydra.runtime.choices)
        if not OF_A_RUN.search(OmegaConf.to_yaml(merged)):
            self._settled[shared] = dict(config)
        return config

    @contextmanager
    def _told(self, overrides: Sequence[str]) -> Iterator[None]:
        """Tell any mistake in a config in one line, a key that is not there with the nearest that is."""
        try:
            with in_one_line(*own_folders(self.loader)):
                yield
        except TlbenchError as error:
            if match := re.match(r"Could not override '([^']+)'", str(error)):
                raise self._unknown_key(match[1], overrides) from error.__cause__
            raise

    def _unknown_key(self, key: str, overrides: Sequence[str]) -> TlbenchError:
        groups = [o for o in overrides if o.split("=", 1)[0] in GROUPS and o.split("=", 1)[0] != key]
        raw = self.raw(groups)
        known = flat_keys(OmegaConf.masked_copy(raw, [str(k) for k in raw if k not in ("hydra", "sweep")]))
        top, _, rest = key.partition(".")
        if rest and (top in known or top in GROUPS):
            known = [k for k in known if k.startswith(f"{top}.")]
            with_ = f", with {top}={raw.hydra.runtime.choices[top]}" if top in GROUPS else ""
            return unknown("config key", key, set(known), f"{key}=... on the command line{with_}")
        tops = {*GROUPS, *(k for k in known if "." not in k)}
        return unknown("config key", top, tops, f"{key}=... on the command line")


def flat_keys(config: Any, prefix: str = "") -> list[str]:
    """Return all keys of nested mappings, dotted, without `_target_` and the like."""
    keys = []
    for name in config:
        if str(name).startswith("_"):
            continue
        keys.append(f"{prefix}{name}")
        value = config._get_node(name) if isinstance(config, DictConfig) else config[name]
        if isinstance(value, DictConfig | dict) and not (isinstance(value, DictConfig) and value._is_none()):
            keys += flat_keys(value, f"{prefix}{name}.")
    return keys
