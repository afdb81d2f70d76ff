"""Make a network of a development chain that runs already: contracts, money, profile.

python examples/deploy.py NAME URL

Deploys the contracts with the public development key, funds dev:1 to dev:10, and writes the
network's profile. Where all of that is there, nothing is done.
"""

import argparse

from chain.devnet import CHAIN_ID
from chain.devnet.accounts import dev_accounts
from chain.devnet.faucet import fund
from chain.errors import ContractError, ProfileError
from chain.evm.node import connect_node, rpc
from chain.evm.transactions import Sender
from chain.ledger.client import Ledger, ReputationAnchor, Token
from chain.ledger.profiles import Profile, connect, load_profile, save_profile

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
    web3 = connect_node(given.url, chain_id=CHAIN_ID)
    rpc(web3, "anvil_setBalance", bank.address, hex(10**24))
    sender = Sender(web3, bank)
    ledger = Ledger.deploy(sender)
    there = Profile(
        name=given.name,
        rpc_url=given.url,
        chain_id=CHAIN_ID,
        ledger=ledger.address,
        anchor=ReputationAnchor.deploy(sender, ledger.address).address,
        token=Token.deploy(sender).address,
    )
    save_profile(there)
    fund(connect(there), [account.address for account in others])

print(f"network {given.name}: ledger {there.ledger} at {there.rpc_url}")
