"""Sphinx configuration."""

import importlib.metadata

project = "information-learning"
author = "the information-learning developers"
copyright = "2026, the information-learning developers"
release = importlib.metadata.version("infocore")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "gallery/**.ipynb", "gallery/**.py.md5"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "Information-theoretic learning"

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc sections carry shapes and units, which annotations cannot
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "show_memory": False,
    "capture_repr": (),  # a figure is shown, and what a call returns is not
    "remove_config_comments": True,
    "abort_on_example_error": True,
}
suppress_warnings = ["config.cache"]
