"""How Sphinx makes the site of these files; ci/docs calls it."""

import sys
from pathlib import Path

import matplotlib

import cyem

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
matplotlib.rcParams["figure.dpi"] = 110

project = "cyem"
author = "the cyem developers"
version = release = cyem.__version__
html_title = f"cyem {version}"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "names",
]
# the galleries' sources, which become pages/
exclude_patterns = ["learn", "howto", "coming_from", "data", "_build"]
nitpicky = True
suppress_warnings = ["config.cache", "myst.header"]  # headers of results/latest.md, two levels down

# A page for each public name, from its docstring
default_role = "name"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False  # the templates list them
numpydoc_xref_param_type = False
templates_path = ["_templates"]

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

GALLERIES = ["learn", "howto", "coming_from"]
sphinx_gallery_conf = {
    "examples_dirs": GALLERIES,
    "gallery_dirs": [f"pages/{name}" for name in GALLERIES],
    "filename_pattern": r"\.py$",  # all are run
    "within_subsection_order": "order.place",
    "abort_on_example_error": False,
    "image_scrapers": ("matplotlib",),
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib|cyem\.plotting",
    "remove_config_comments": True,
    "write_computation_times": False,
    "min_reported_time": 1e9,  # the times of this machine are nobody else's
    "show_signature": False,
    "show_memory": False,
    "download_all_examples": False,
    "plot_gallery": True,
    "backreferences_dir": None,
    "doc_module": (),
    "image_srcset": ["2x"],
    "default_thumb_file": str(HERE / "_static/thumbnail.png"),  # of pages without pictures
}

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_extra_path = ["data"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_search_summary = False  # summaries are fetched, which pages opened from a disk may not do
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#00598c", "color-brand-content": "#00598c"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}


def left_out(app, what, name, member, skip, options):
    """Compiled methods that are told of by nothing but their signature, which Cython writes: cyem alone calls them."""
    lone = getattr(member, "__module__", "") == "cyem.embed.scorer" and "\n" not in (member.__doc__ or "")
    return True if lone else None


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", left_out)
