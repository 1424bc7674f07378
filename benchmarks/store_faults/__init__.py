"""Faults that a store meets, and what becomes of its runs; `python -m benchmarks.store_faults`."""
