"""Compiled contracts from ``chain/artifacts``, and whether an address holds just that code."""

import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3

from chain.errors import ContractError

_PAUSES = (0.1, 0.4)  # seconds
FOLDER = Path(__file__).resolve().parents[1] / "artifacts"

_ADDRESS = r"__\$[0-9a-f]{34}\$__"  # where the address of a linked library goes
# An immutable is a PUSH32 of zeros in the artifact; a library begins with a PUSH20 of zeros that
# becomes its own address.
_IMMUTABLE = "7f" + "00" * 32
_OWN_ADDRESS = "73" + "00" * 20


@cache
def load_artifact(name: str) -> dict[str, Any]:
    """The artifact of contract ``name``, as ``tools.build`` wrote it.

    Raises:
        ContractError: there is none; the installation is incomplete.
    """
    path = FOLDER / f"{name}.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ContractError(
            f"there is no artifact {path}; reinstall, or run `make build`"
        ) from error
    return document


def check_code(web3: Web3, name: str, address: str) -> None:
    """Check that ``address`` holds contract ``name`` as compiled here, linked libraries included.

    Raises:
        ContractError: it holds nothing, or other code.
    """
    found = _code_at(web3, address)
    if not found:
        raise ContractError(
            f"there is no contract at {address}, where {name} should be; is this the right "
            "network, and was it deployed there?"
        )
    match = re.fullmatch(_pattern(name), found)
    if match is None:
        raise ContractError(
            f"the contract at {address} is not the {name} of this version of Karat; "
            "use the version it was deployed with, or correct the address"
        )
    for library, places in match.groupdict().items():
        check_code(web3, library, "0x" + places)


def _code_at(web3: Web3, address: str) -> str:
    """The code at an address; where there is none, asked for again: a replica may lag."""
    for pause in _PAUSES:
        found = bytes(web3.eth.get_code(to_checksum_address(address))).hex()
        if found:
            return found
        time.sleep(pause)
    return bytes(web3.eth.get_code(to_checksum_address(address))).hex()


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The deployed code as a pattern; each library's address is a group of the library's name."""
    artifact = load_artifact(name)
    code = artifact["deployedBytecode"].removeprefix("0x")
    if code.startswith(_OWN_ADDRESS):
        code = "73" + "[0-9a-f]{40}" + code[len(_OWN_ADDRESS) :]
    code = code.replace(_IMMUTABLE, "7f[0-9a-f]{64}")
    seen: set[str] = set()

    def library(found: re.Match[str]) -> str:
        placeholder = found[0]
        linked = _library_of(artifact, placeholder)
        if linked in seen:
            return f"(?P={linked})"
        seen.add(linked)
        return f"(?P<{linked}>[0-9a-f]{{40}})"

    return re.compile(re.sub(_ADDRESS, library, code))


def _library_of(artifact: dict[str, Any], placeholder: str) -> str:
    """Which library a placeholder stands for: it is the hash of the library's full name."""
    for file, libraries in artifact["linkReferences"].items():
        for name in libraries:
            full_name = f"{file}:{name}"
            if placeholder[3:37] == Web3.keccak(text=full_name).hex()[:34]:
                return str(name)
    raise ContractError(
        f"the artifact of {artifact['contractName']} is damaged: it names no library for "
        f"{placeholder}; run `make build`"
    )
