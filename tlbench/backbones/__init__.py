"""Backbones: modules from one example's shape to `out_dim` features.

A backbone is built with `input_shape` and has the attribute `out_dim`.
"""
