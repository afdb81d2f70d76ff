"""Make a network of a development chain that runs already: contracts, money, profile.

python examples/deploy.py NAME URL

Deploys the contracts with the public development key, which it has the node give ether, funds dev:1
to dev:10, and writes the network's profile. Where all of that is there, nothing is done. On a chain
whose ether is somebody's, `karat deploy` does it with an account of one's own.
"""

import argparse

from chain.devnet import CHAIN_ID
from chain.devnet.accounts import dev_accounts
from chain.devnet.faucet import fund
from chain.errors import ContractError, ProfileError
from chain.evm.node import connect_node, rpc
from chain.ledger.profiles import connect, load_profile
from karat.sdk import networks

parser = argparse.ArgumentParser(
    description="Make a network of a development chain that runs already."
)
parser.add_argument("name", metavar="NAME", help="what to call the network")
parser.add_argument("url", metavar="URL", help="the chain's JSON-RPC address")
given = parser.parse_args()

try:
    there = load_profile(given.name)
    connect(there)
except (ProfileError, ContractError):
    bank, *others = dev_accounts(seed=0, count=11)
    rpc(connect_node(given.url, chain_id=CHAIN_ID), "anvil_setBalance", bank.address, hex(10**24))
    networks.deploy(given.url, given.name, account=bank, kind="devnet", dev_token=True)
    there = load_profile(given.name)
    fund(connect(there), [account.address for account in others])

print(f"network {given.name}: ledger {there.ledger} at {there.rpc_url}")
