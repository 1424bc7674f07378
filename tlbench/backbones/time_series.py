"""A convolutional network for time series."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tlbench.errors import TlbenchError


class CNN1D(nn.Module):
    """Three blocks of convolution, batch norm, ReLU and pooling: (B, channels, T) to (B, 2 * width), averaged over time.

    The network of AdaTime (Ragab et al., arXiv:2203.08321, "1D-CNN"): kernels of `kernel`, 8 and 8; pooling by two with one
    place of padding; dropout after the first block.

    Args:
        width: channels of the first block; the others have twice as many.
        kernel, stride: of the first convolution; longer series have longer ones.
        dropout: after the first block, in [0, 1).
    """

    def __init__(self, *, input_shape: Sequence[int], width: int, kernel: int, stride: int, dropout: float) -> None:
        super().__init__()
        if len(input_shape) != 2:
            raise TlbenchError(
                f"backbone=cnn1d needs time series (channels, length), but an example has shape {tuple(input_shape)}."
            )
        if min(width, kernel, stride) < 1 or not 0 <= dropout < 1:
            raise TlbenchError(
                "backbone.width, backbone.kernel and backbone.stride must be 1 or more and backbone.dropout in [0, 1), got "
                f"{width}, {kernel}, {stride} and {dropout}."
            )
        self.out_dim = 2 * width
        self.layers = nn.Sequential(
            *_block(input_shape[0], width, kernel, stride, kernel // 2),
            nn.Dropout(dropout),
            *_block(width, self.out_dim, 8, 1, 4),
            *_block(self.out_dim, self.out_dim, 8, 1, 4),
        )

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.layers(x_BCT).mean(dim=2)


def _block(given: int, made: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
    convolution = nn.Conv1d(given, made, kernel, stride=stride, padding=padding, bias=False)
    return [convolution, nn.BatchNorm1d(made), nn.ReLU(), nn.MaxPool1d(2, stride=2, padding=1)]
