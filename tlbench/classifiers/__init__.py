"""What stands behind the backbone: a head trained with it, or a classifier on its features.

The classifier belongs to the recipe, so a method and its reference always share it.
"""
