"""The network for time series: AdaTime's sizes, an average over time, refusals."""

import pytest
import torch

from tlbench.backbones.time_series import CNN1D
from tlbench.errors import TlbenchError

HAR = {"input_shape": (9, 128), "width": 64, "kernel": 5, "stride": 1, "dropout": 0.5}


def test_it_has_adatimes_layers():
    model = CNN1D(**HAR)
    kernels = [tuple(p.shape) for name, p in model.named_parameters() if p.dim() == 3]
    assert kernels == [(64, 9, 5), (128, 64, 8), (128, 128, 8)]
    assert sum(p.numel() for p in model.parameters()) == 9 * 64 * 5 + 64 * 128 * 8 + 128 * 128 * 8 + 2 * (
        64 + 128 + 128
    )
    lengths, x = [], torch.zeros(2, 9, 128)
    for layer in model.layers:
        x = layer(x)
        lengths.append(x.shape[2])
    assert [lengths[i] for i in (3, 8, 12)] == [65, 34, 18]  # after each pooling
    assert model(torch.zeros(2, 9, 128)).shape == (2, model.out_dim) == (2, 128)


def test_features_are_the_average_over_time():
    model = CNN1D(**{**HAR, "dropout": 0.0}).eval()
    x = torch.randn(3, 9, 128)
    torch.testing.assert_close(model(x), model.layers(x).mean(dim=2))
    eeg = CNN1D(input_shape=(1, 3000), width=32, kernel=25, stride=6, dropout=0.2)
    assert eeg(torch.zeros(2, 1, 3000)).shape == (2, 64)


@pytest.mark.parametrize(
    "change", [{"input_shape": (9,)}, {"width": 0}, {"kernel": 0}, {"stride": 0}, {"dropout": 1.0}]
)
def test_what_it_refuses(change):
    with pytest.raises(TlbenchError, match="backbone"):
        CNN1D(**{**HAR, **change})
