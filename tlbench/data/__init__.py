"""Domains, the data sets that hold them, their readers and transforms."""
