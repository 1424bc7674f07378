"""Gains and flags: pure functions on arrays and tables."""
