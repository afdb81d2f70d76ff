"""The code of a notebook, as one script."""

import json
from pathlib import Path


def script(path: Path) -> str:
    """What the cells of a notebook run, in order."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "code")
