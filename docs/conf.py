"""Configuration of the documentation site: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from karat import __version__  # noqa: E402

project = "Karat"
author = "The Karat authors"
copyright = f"2026, {author}"  # noqa: A001
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated", "offline"]
exclude_patterns = ["_build", "_ext"]
html_theme = "furo"
html_title = f"Karat {release}"
html_static_path = ["_static"]
html_css_files = ["karat.css"]
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / ".jupyter_cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

nitpicky = True
# Names of other packages cannot be looked up without the network; every name of ours must resolve.
nitpick_ignore_regex = [(r"py:.*", r"(?!(karat|chain|learning|reputation)\.).*")]
nitpick_ignore = [
    ("py:class", "chain.evm.abi.T"),  # type variables
    ("py:class", "chain.evm.transactions.T"),
    ("py:class", "karat.sdk.plan.D"),
    ("py:class", "reputation.nodes.NodeIndex"),  # a graph's insides
    ("py:class", "reputation.rows.RowPool"),
]
