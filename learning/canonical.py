"""JSON of which there is one text only: what is hashed."""

import json
from typing import Any


def canonical_json(document: Any) -> bytes:
    """``document`` with sorted keys, without blanks, in ASCII.

    Raises:
        ValueError: it holds NaN or an infinity, for which JSON has no word.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")
