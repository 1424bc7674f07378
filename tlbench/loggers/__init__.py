"""Loggers: Lightning's, told what tlbench calls things.

A config of `conf/logger` names a function of `run` (a RunContent, as far as it is known at the start), `folder` (a folder of
its own, `logs/` of the run's folder later) and its settings; it returns a Lightning logger, or None for no log. A logger with a
method `conclude(content)` gets what is known at the end; any other gets the numbers of it as metrics. One with a method
`end(ok)` is ended by it; any other by `finalize`, which Lightning calls when the fit ends, too.
"""

from tlbench.loggers.run_content import RunContent
from tlbench.loggers.writing import close, conclude, keep_model, log_terms, replay

__all__ = ["RunContent", "close", "conclude", "keep_model", "log_terms", "replay"]
