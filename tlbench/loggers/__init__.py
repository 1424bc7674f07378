"""Loggers: of this package, of Lightning or of the user, told what tlbench calls things.

A config of `conf/logger` names a function of `run` (a RunContent, as far as it is known at the start), `folder` (a folder of
its own, `logs/` of the run's folder later) and its settings; it returns any object with `log_metrics(metrics, step)` and
`end(ok)`, a Lightning logger, or None for no log. A logger with a method `conclude(content)` gets what is known at the end; any
other gets the numbers of it as metrics. One with a method `end(ok)` is ended by it; Lightning's by `finalize`, which Lightning
calls when the fit ends, too.
"""

from tlbench.loggers.run_content import RunContent
from tlbench.loggers.writing import Log, close, conclude, keep_model, log_terms, replay

__all__ = ["Log", "RunContent", "close", "conclude", "keep_model", "log_terms", "replay"]
