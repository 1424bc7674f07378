"""A failure's kind is what raised it."""

import pytest
import torch

from tlbench.running.failures import EXCEPTION, KINDS, MEMORY, kind_of


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), MEMORY),
        (OSError(12, "Cannot allocate memory"), MEMORY),
        (caused(ValueError("a map failed"), MemoryError()), MEMORY),
        (ValueError("out of memory of what was said"), EXCEPTION),
        (RuntimeError("shapes do not fit"), EXCEPTION),
        (KeyError("x"), EXCEPTION),
    ],
)
def test_kinds(error, kind):
    assert kind_of(error) == kind
    assert kind in KINDS
