"""Names for addresses, from a file that whoever runs the page wrote: ``karat serve --names``."""

import tomllib
from pathlib import Path

from chain.errors import BadAddress
from chain.evm.addresses import checked_address
from chain.folders import read_small_text
from karat.errors import ConfigError
from karat.text import clean

_MOST_BYTES = 1 << 20
_LONGEST_NAME = 40


def read_names(path: Path) -> dict[str, str]:
    """Read lines ``"0x…" = "name"``; names by checksummed address.

    Raises:
        ConfigError: the file cannot be read, or has something else in it.
    """
    try:
        entries = tomllib.loads(read_small_text(path, _MOST_BYTES))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the names in {path}: {error}") from error
    names: dict[str, str] = {}
    for address, name in entries.items():
        if not isinstance(name, str):
            raise ConfigError(f'{path}: {clean(address, 60)!r}: write "0x…" = "name"')
        try:
            names[checked_address(address)] = clean(name, _LONGEST_NAME)
        except BadAddress as error:
            raise ConfigError(f"{path}: {clean(str(error), 200)}") from error
    return names
