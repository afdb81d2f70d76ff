"""Draws a command's coloured output as an SVG.

    FORCE_COLOR=1 COLUMNS=104 karat demo | python docs/_ext/terminal.py docs/images/demo.svg

The picture names no font of its own and loads nothing. The README's leaves out the table of gas.
"""

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
     role="img" aria-label="TITLE">
<style>
.{unique_id}-matrix {{
  font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#1d1a13"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def picture(ansi: str, title: str, width: int) -> str:
    """The SVG of a terminal that shows ``ansi``; ``title`` is its text alternative."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(ansi), soft_wrap=True)
    template = _SVG.replace("TITLE", title)
    drawn = console.export_svg(code_format=template, theme=MONOKAI, unique_id="karat")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


if __name__ == "__main__":
    output = sys.stdin.read()
    columns = max(len(line.rstrip()) for line in Text.from_ansi(output).plain.splitlines())
    Path(sys.argv[1]).write_text(picture(output, "Output of karat demo", columns), encoding="utf-8")
