"""The atlas of negative transfer: a tidy table of runs on every data set that can be had, a page, and how others add to it."""
