"""Which data sets are of one family: they share examples, or ways of being measured, so none may judge what another taught."""

from __future__ import annotations

FAMILIES = {
    "office photographs": ("office31", "office_caltech10_images", "office_home", "imageclef_da"),
    "office counts": ("office_caltech10", "office_caltech10_decaf", "concept_caltech10"),
    "pacs": ("pacs",),
    "digits": ("digits", "mnist_usps"),
    "small digits": ("mini_digits", "concept_digits"),
    "rotated digits": ("rotated_digits",),
    "digits by writer": ("writer_digits",),
    "reviews": ("amazon_reviews", "amazon_reviews_words", "amazon_reviews_text"),
    "newsgroups": ("newsgroups_rec_sci", "newsgroups_rec_talk", "newsgroups_sci_talk"),
    "sensors": ("har",),
    "mushroom": ("mushroom",),
    "known shifts": ("gaussian_shifts",),
}
"""Name of a family to its data sets."""
SUFFIXES = ("_partial", "_open_set", "_universal", "_corrupted")
"""Of data sets that are another's examples."""
_FAMILY_OF = {dataset: family for family, datasets in FAMILIES.items() for dataset in datasets}


def family_of(dataset: str) -> str:
    """Return the family of a data set; one that is not listed is a family of its own."""
    for suffix in SUFFIXES:
        dataset = dataset.removesuffix(suffix)
    return _FAMILY_OF.get(dataset, dataset.replace("_", " "))
