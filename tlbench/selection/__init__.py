"""Which checkpoint of a run counts: the rules that pick one, and the label-free scores of a model."""

from tlbench.selection.rules import ORACLE, SOURCE_VAL, chosen, last_best, no_source_val

__all__ = ["ORACLE", "SOURCE_VAL", "chosen", "last_best", "no_source_val"]
