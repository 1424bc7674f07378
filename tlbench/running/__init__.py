"""One run as stages over values: set up, prepare, fit, judge; `ensure` alone reads and writes a store."""
