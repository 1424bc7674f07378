"""The documentation as a site: `make docs`. The pages are the Markdown files of the repository, where they are."""

from tlbench import __version__

project = "tlbench"
author = "the tlbench developers"
copyright = author
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**.md",
    "results/README.md",
    "results/**/README.md",
    "results/atlas/warning.md",
]
exclude_patterns = ["docs/site"]
html_theme = "furo"
html_title = "tlbench"
html_copy_source = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # pages of results begin where their table does
autodoc_typehints = "description"
autodoc_member_order = "bysource"
