"""HTML pages of reports: one file without scripts or other files, readable in light and dark."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1a1a1b"
"""The colour of text and axes in figures: :func:`inlined` lets it follow the page's."""

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left }
img { max-width: 100% }
code { overflow-wrap: anywhere }
.scroll { overflow-x: auto }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616 } th, td { border-color: #333 } }
"""
_FIGURE_STYLE = (
    "<style>svg { color: #1a1a1a } @media (prefers-color-scheme: dark) { svg { color: #eee } }"
    "</style>"
)


def page(title: str, body: str) -> str:
    """A whole page; ``body`` is HTML, ``title`` is text and also the heading."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>\n"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table of texts and numbers, all of them escaped; it scrolls if it is too wide."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def inlined(figure: "Figure", description: str) -> str:
    """A figure as an image within the page, its text and axes in the page's own colour."""
    from matplotlib import rc_context  # noqa: PLC0415 - of the extra `plot`

    raw = BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "karat"}):
        figure.savefig(raw, format="svg", transparent=True, metadata={"Date": None})
    drawing = raw.getvalue().decode()
    start = drawing.index(">", drawing.index("<svg")) + 1
    drawing = drawing[:start] + _FIGURE_STYLE + drawing[start:].replace(INK, "currentColor")
    data = b64encode(drawing.encode()).decode()
    return f'<img alt="{escape(description)}" src="data:image/svg+xml;base64,{data}">'


def write_png(figure: "Figure", path: Path) -> None:
    """The figure as a file of its own, on white; raises OSError."""
    figure.savefig(path, facecolor="white")
