"""Figures for every front end: a tidy table in, a matplotlib Figure out, without pyplot. A module a figure.

A figure has no title (what is shown is the front end's heading); its axes have units, and the line under it says n, what the
intervals are, and the selection and the reference. `style.as_svg` makes a page's element of it. The tables are made beside the
analyses, in `tlbench.reporting`; a function's docstring names the columns it needs and the function that makes the table.
"""
