"""Which keys of a config say what a run is, and which do not."""

NOT_DATA = {"about", "recipe", "root", "path", "paths", "lists", "sources", "by_hand", "pairs"}
"""Of a data set's config: words for people, what `pair=all` stands for, and paths, whose content is in the fingerprint."""
NAMES = {"data_dir", "store", "logger", "group", "tags", "sweep"}
"""Paths, names and logging."""
REPORTED = {"selection", "references", "alpha", "margin", "embeddings", "keep_model"}
"""What is only reported, or kept beside."""
NOT_CONTENT = NAMES | REPORTED | {"trainer"}
"""With hardware: a run is the same run whatever they are."""
TAG_LENGTH = 64
"""Letters of a tag; Weights & Biases takes no longer one."""


def is_content(override: str) -> bool:
    """Tell whether `key=value` says what a run is, and not only where it goes and what is reported of it."""
    return override.split("=", 1)[0].split(".")[0].lstrip("+~") not in NAMES | REPORTED
