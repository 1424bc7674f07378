"""Candidates for the warning that it does not look at, tried on the runs of an atlas."""
