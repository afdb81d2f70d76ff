"""The chain's time, which every deadline is measured in.

A devnet that mines a block for each transaction stands still while nobody sends one. So whoever
waits for a deadline there mines an empty block once the machine's clock has passed it.
"""

import time

from web3 import Web3

from chain.devnet.base import CHAIN_ID
from chain.evm.node import rpc


def chain_time(web3: Web3) -> int:
    """The latest block's time, in seconds; on a devnet never more than a second behind."""
    latest = int(web3.eth.get_block("latest")["timestamp"])
    if latest + 1 < time.time() and web3.eth.chain_id == CHAIN_ID:
        rpc(web3, "evm_mine")
        latest = int(web3.eth.get_block("latest")["timestamp"])
    return latest
