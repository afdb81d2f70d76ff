"""URLs of services, as they may be shown: they often hold a key."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

_URL = re.compile(r"https?://[^\s,]+")
_LEAST_KEY, _LEAST_PATH_KEY = 4, 8  # characters; what is shorter is a word such as "v3" or "rpc"


def shown(url: str) -> str:
    """A node's URL without what may be a key: user, password, path and query are left out.

    >>> shown("https://user:secret@node.example:8545/v3/0123456789?key=1")
    'https://node.example:8545'
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def without_keys(text: str) -> str:
    """A text, such as the name of a store, with each of its URLs as :func:`shown` shows it."""
    return _URL.sub(lambda found: shown(found[0]), text)


def keys_in(url: str) -> list[str]:
    """What may be a key in a URL, the longest first: what :func:`shown` leaves out, in parts."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    values = [value for _, value in parse_qsl(parts.query)]
    named = [parts.username or "", parts.password or "", *values]
    found = {one for one in named if len(one) >= _LEAST_KEY}
    found |= {one for one in parts.path.split("/") if len(one) >= _LEAST_PATH_KEY}
    return sorted(found | {unquote(one) for one in found}, key=lambda one: (-len(one), one))
