"""The chain's time, which every deadline is measured in."""

from web3 import Web3


class Clock:
    """Reads the time of a chain that moves by itself."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3

    def now(self) -> int:
        """The latest block's time, in seconds."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def advance_if_idle(self) -> None:
        """Let time pass where nobody else makes it pass; here the chain moves by itself."""
