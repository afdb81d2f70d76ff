"""Sphinx extension: writes the reference pages that come from the code into ``_generated``."""

from pathlib import Path

from cli_page import cli_page
from contract_pages import contract_pages
from output_pages import documents_page, exit_codes_page
from settings_page import settings_page, task_file_page
from sphinx.application import Sphinx


def pages() -> dict[str, str]:
    """Every generated page by its path below ``docs/_generated``."""
    own = {
        "cli.md": cli_page(),
        "settings.md": settings_page(),
        "task_file.md": task_file_page(),
        "exit_codes.md": exit_codes_page(),
        "documents.md": documents_page(),
    }
    return own | {f"contracts/{name}": text for name, text in contract_pages().items()}


def _write(app: Sphinx, _config: object) -> None:
    folder = Path(app.srcdir) / "_generated"
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unchanged pages keep their time stamp, so that Sphinx need not read them again.
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", _write)
    return {"parallel_read_safe": True}
