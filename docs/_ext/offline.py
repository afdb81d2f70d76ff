"""Sphinx extension: the built site must work without the network."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|link\s[^>]*rel="(?:stylesheet|icon|preload)")[^>]*"""
    r"""(?:src|href)="((?:https?:)?//[^"]+)""",
    re.IGNORECASE,
)


def _check(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    for page in sorted(Path(app.outdir).rglob("*.html")):
        found = _FROM_ELSEWHERE.search(page.read_text("utf-8"))
        if found:
            raise ExtensionError(f"{page.relative_to(app.outdir)} loads {found[1]}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
