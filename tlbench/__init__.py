"""tlbench: a transfer-learning benchmark that says where transfer helps and where it hurts."""

__version__ = "0.1.0"
