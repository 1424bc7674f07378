"""Configs: what is allowed in them, how one run's config is composed, its keys."""
