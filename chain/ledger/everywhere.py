"""The same addresses on every chain: deploying through the deterministic deployment proxy.

The proxy (https://github.com/Arachnid/deterministic-deployment-proxy, EIP-1014) is on most public
chains, and on Anvil's, at one address. What it creates has an address that follows from the code
alone, so anyone may deploy, nothing is deployed twice, and nobody can put other code there.
"""

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3

from chain.errors import ContractError
from chain.evm.abi import Call, encode_values
from chain.evm.transactions import Sender
from chain.ledger.artifact import check_code, load_artifact
from chain.ledger.bindings.errors import ERRORS
from chain.ledger.deployment import ANCHOR, INPUTS, LEDGER
from chain.ledger.linking import libraries, link

PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
SALT = bytes(32)


def creations() -> dict[str, bytes]:
    """The creation code of libraries, ledger, anchor and inputs of standings, in order."""
    made = _library_creations()
    made[LEDGER] = link(load_artifact(LEDGER), library_addresses())
    over = encode_values(["address"], [address_of(made[LEDGER])])
    for name in (ANCHOR, INPUTS):
        made[name] = link(load_artifact(name), {}) + over
    return made


def address_of(creation: bytes) -> str:
    """Where the proxy puts what this code creates (EIP-1014)."""
    salted = b"\xff" + bytes.fromhex(PROXY[2:]) + SALT + keccak(creation)
    return to_checksum_address(keccak(salted)[12:])


def library_addresses() -> dict[str, str]:
    """The addresses of the ledger's libraries by name."""
    return {name: address_of(code) for name, code in _library_creations().items()}


def addresses() -> dict[str, str]:
    """The addresses of this version's contracts by name, the same on every chain."""
    return {name: address_of(code) for name, code in creations().items()}


def deploy_everywhere(sender: Sender) -> dict[str, str]:
    """Deploy what a chain lacks of this version's contracts.

    Returns:
        their addresses by name, those of others' deploying included.

    Raises:
        ContractError: the chain has no proxy, or a contract is not what it has to be.
        TransactionError: see :meth:`chain.evm.transactions.Sender.send`.
    """
    if not _has_code(sender.web3, PROXY):
        raise ContractError(
            f"chain {sender.chain_id} has no deterministic deployment proxy at {PROXY}: deploy "
            "with addresses of your own (karat deploy), or have the proxy put there first"
        )
    made = creations()
    for name, code in made.items():
        address = address_of(code)
        if not _has_code(sender.web3, address):
            sender.send(Call(f"deploy {name}", PROXY, SALT + code, bytes, errors=ERRORS))
        check_code(sender.web3, name, address)
    return {name: address_of(code) for name, code in made.items()}


def _library_creations() -> dict[str, bytes]:
    return {name: link(load_artifact(name), {}) for name in libraries(load_artifact(LEDGER))}


def _has_code(web3: Web3, address: str) -> bool:
    return bool(web3.eth.get_code(to_checksum_address(address)))
