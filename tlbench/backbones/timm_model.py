"""The slot for every image model that timm knows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.backbones.weights import load_weights, not_loaded
from tlbench.errors import TlbenchError, unknown


class TimmBackbone(nn.Module):
    """A timm model without its classifier: (B, C, H, W) to (B, out_dim) pooled features.

    Args:
        model: timm's name, such as `resnet50.a1_in1k`.
        pretrained: load the weights that timm names for it (a download at first use).
        weights: a file of weights to load instead, see `load_weights`.

    Attributes:
        pretrained: whether the weights come from elsewhere: then they get a smaller learning rate.
    """

    def __init__(self, *, input_shape: Sequence[int], model: str, pretrained: bool, weights: str | None = None) -> None:
        super().__init__()
        import timm  # slow to import, and most runs on small data need none of it

        if len(input_shape) != 3:
            raise TlbenchError(
                f"timm model '{model}' needs images, but the data set's examples have shape {tuple(input_shape)}. "
                "Use backbone=mlp or backbone=identity."
            )
        if not timm.is_model(model):
            raise unknown("timm model", model, timm.list_models(f"*{model[:4]}*"), f"backbone.model={model}")
        tag = model.partition(".")[2]
        if tag and model not in (known := timm.list_pretrained(f"{model.partition('.')[0]}.*")):
            raise unknown("weights of a timm model", model, known, f"backbone.model={model}")
        options: dict[str, Any] = {"in_chans": input_shape[0], "num_classes": 0}
        setting = timm.models.get_pretrained_cfg(model)
        if setting is not None and setting.fixed_input_size:
            options["img_size"] = tuple(input_shape[1:])
        self.pretrained = pretrained or weights is not None
        self.model = _created(model, pretrained and weights is None, options)
        if weights is not None:
            classifier = "" if setting is None else setting.classifier
            family = sys.modules[timm.model_entrypoint(model).__module__]
            names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
            load_weights(self.model, weights, names, getattr(family, "checkpoint_filter_fn", None))
        self.out_dim: int = self.model.num_features  # type: ignore[assignment]
        if hasattr(self.model, "head_hidden_size"):
            self.out_dim = self.model.head_hidden_size  # type: ignore[assignment]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.model(x_BCHW)

    def stages(self) -> list[list[nn.Parameter]]:
        """Return parameters in the order of depth, from the stem on: a residual stage or a transformer block each."""
        from timm.models import group_parameters

        named = dict(self.model.named_parameters())
        groups = group_parameters(self.model, self.model.group_matcher(coarse=True))  # type: ignore[operator]
        return [[named[name] for name in groups[key]] for key in sorted(groups)]

    def chain(self) -> list[nn.Module] | None:
        """Return modules that one after the other are the network, one for each of `stages`; None where it is no chain."""
        model: Any = self.model
        if type(model).__name__ == "EfficientNet":
            parts = [[model.conv_stem, model.bn1], *([block] for block in model.blocks)]
            parts[-1] += [model.conv_head, model.bn2]
        elif type(model).__name__ == "ResNet":
            stem = [model.conv1, model.bn1, model.act1, model.maxpool]
            parts = [stem, [model.layer1], [model.layer2], [model.layer3], [model.layer4]]
        else:
            return None
        parts[-1].append(model.global_pool)
        whole = [nn.Sequential(*part) for part in parts]
        same = [{id(p) for p in part.parameters()} for part in whole] == [{id(p) for p in s} for s in self.stages()]
        return list(whole) if same else None


def _created(model: str, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    import timm

    try:
        return timm.create_model(model, pretrained=pretrained, **options)
    except (TypeError, AssertionError, ValueError) as error:
        raise TlbenchError(
            f"timm model '{model}' cannot be built for images of {options.get('img_size', 'this size')}: {error}."
        ) from error
    except Exception as error:  # whatever the hub's client raises without a network
        if not pretrained:
            raise
        raise not_loaded(f"The weights of timm model '{model}'", error) from error


def check_pixels(model: str, mean: Sequence[float], sd: Sequence[float]) -> None:
    """Raise TlbenchError where images are normalised otherwise than for the training of timm's weights."""
    import timm

    setting = timm.models.get_pretrained_cfg(model) if timm.is_model(model) else None
    if setting is not None and (list(setting.mean), list(setting.std)) != (list(mean), list(sd)):
        m, s = (f"[{','.join(map(str, numbers))}]" for numbers in (setting.mean, setting.std))
        raise TlbenchError(
            f"The weights of timm model '{model}' expect pixels of mean {m} and sd {s}. Set augment.mean=null augment.sd=null "
            "for these."
        )


def check_size(backbone: nn.Module, name: str, input_shape: Sequence[int]) -> None:
    """Raise TlbenchError where a backbone (on the meta device) does not take examples of this shape."""
    try:
        backbone.eval()(torch.empty(2, *input_shape, device="meta"))
    except NotImplementedError:
        pass  # some operation has no meta form: the run itself will tell
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise TlbenchError(
            f"backbone '{name}' does not take examples of shape {tuple(input_shape)}: {reason} "
            "Set augment.size, or another backbone."
        ) from error
