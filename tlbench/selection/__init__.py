"""Which checkpoint of a run counts: rules, and the label-free validators behind them."""
