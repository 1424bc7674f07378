"""Which keys of a config say what a run is, and which do not."""

NOT_DATA = {"about", "recipe", "root", "path", "paths", "lists", "sources", "by_hand"}
"""Of a data set's config: words for people, and paths, whose content is in the fingerprint."""
NAMES = {"data_dir", "store", "logger", "group", "tags", "sweep"}
"""Paths, names and logging."""
NOT_CONTENT = NAMES | {"trainer", "selection", "references", "alpha", "margin"}
"""With hardware and what is only reported: a run is the same run whatever they are."""
