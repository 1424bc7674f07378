"""A warning that transfer may hurt, from what a method and its reference say of unlabelled target examples."""
