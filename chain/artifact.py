"""Compiled contracts: ABI and bytecode from ``chain/artifacts``."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chain.errors import ContractError

FOLDER = Path(__file__).resolve().parent / "artifacts"


@dataclass(frozen=True)
class Artifact:
    """What the compiler made of one contract."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes  # creates the contract


@cache
def load_artifact(name: str) -> Artifact:
    """The artifact of contract ``name``.

    Raises:
        ContractError: there is none; the installation is incomplete.
    """
    path = FOLDER / f"{name}.json"
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ContractError(
            f"there is no artifact {path}; reinstall, or run `make build`"
        ) from error
    return Artifact(name, document["abi"], bytes.fromhex(document["bytecode"].removeprefix("0x")))
