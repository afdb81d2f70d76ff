"""Links a contract's creation code with the addresses of its libraries.

The ledger is larger than one contract may be, so its rarer rules lie in libraries that are
deployed first, each by itself and without arguments. In the ledger's ``bytecode`` a placeholder
(``__$…$__``) stands for each library's address; ``linkReferences`` of the artifact, in the
compiler's own form, says where.
"""

from collections.abc import Mapping
from typing import Any

from chain.errors import ContractError


def libraries(artifact: Mapping[str, Any]) -> list[str]:
    """The names of the libraries that a contract needs, sorted."""
    return sorted(name for file in artifact["linkReferences"].values() for name in file)


def link(artifact: Mapping[str, Any], addresses: Mapping[str, str]) -> bytes:
    """The creation code with every placeholder replaced.

    Args:
        artifact: a document of ``chain/artifacts``.
        addresses: the address of each library by its name.

    Raises:
        ContractError: a library's address is missing.
    """
    code = artifact["bytecode"].removeprefix("0x")
    for file in artifact["linkReferences"].values():
        for name, places in file.items():
            if name not in addresses:
                raise ContractError(
                    f"{artifact['contractName']} needs library {name}: deploy it first"
                )
            address = addresses[name].removeprefix("0x").lower()
            for place in places:
                start = 2 * place["start"]
                code = code[:start] + address + code[start + 2 * place["length"] :]
    return bytes.fromhex(code)
