"""The code blocks of a Markdown page, with the hints that its invisible comments give.

``<!-- test: … -->`` before a block, or anywhere for the whole page:

==================== ====================================================================
skip: REASON         the next block is not run, because of REASON
output               the next block is what the block before it prints; … stands for anything
profile              the next (TOML) block is a network's profile
slow                 the page's test takes more than half a minute
network              the page's blocks find a network ``local`` with a task that has been run
==================== ====================================================================

Blocks that name no language, or ``text``, are not code. Blocks of a MyST directive
(``{toctree}``) are checked where the site is built.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if not {"_build", "_generated"} & set(path.parts)
)
LANGUAGES = {"sh", "console", "python", "toml", "json", "solidity"}
_HINT = re.compile(r"<!--\s*test:\s*(\w+)(?::\s*(.*?))?\s*-->", re.DOTALL)
_NAMED = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """One fenced block; ``skip`` is the reason not to run it, ``hint`` another word about it."""

    page: str
    line: int
    language: str
    text: str
    heading: str
    hint: str = ""
    skip: str = ""

    @property
    def file(self) -> str | None:
        """The name that its first line gives it: ``# mine.py`` alone in a comment."""
        match = _NAMED.match(self.text)
        return match[1] if match else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language})"


@dataclass(frozen=True)
class Page:
    """A page's blocks in order, and the words that hold for all of it."""

    path: Path
    blocks: list[Block]
    hints: frozenset[str]

    @property
    def name(self) -> str:
        """Path in the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def code(self) -> list[Block]:
        """The blocks that are code or output to be checked."""
        return [b for b in self.blocks if b.language in LANGUAGES or b.hint == "output"]


def read_page(path: Path) -> Page:
    """Parse one page; a hint or a language that nobody knows is an error."""
    name = str(path.relative_to(ROOT))
    blocks, hints, before, reason, heading = [], set(), "", "", ""
    tokens = MarkdownIt().enable("table").parse(path.read_text("utf-8"))
    for token, after in pairwise([*tokens, None]):
        assert token is not None
        if token.type == "heading_open" and after is not None:
            heading = after.content
        if token.type == "html_block":
            for word, more in _HINT.findall(token.content):
                assert word in {"skip", "output", "profile", "slow", "network"}, f"{name}: {word}"
                assert bool(more) == (word == "skip"), f"{name}: {word} {more}"
                if word in {"slow", "network"}:
                    hints.add(word)
                else:
                    before, reason = word, " ".join(more.split())
        if token.type != "fence":
            continue
        assert token.map is not None
        language = token.info.strip()
        if not language.startswith("{"):
            assert language in LANGUAGES | {"", "text"}, f"{name}:{token.map[0] + 1}: {language}"
            hint = "" if before == "skip" else before
            line = token.map[0] + 1
            blocks.append(Block(name, line, language, token.content, heading, hint, reason))
        before, reason = "", ""
    return Page(path, blocks, frozenset(hints))
