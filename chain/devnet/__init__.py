"""Development chains on this machine: Anvil, the Hardhat node, or an EVM in this process."""

from collections.abc import Sequence
from pathlib import Path

from chain.devnet.base import CHAIN_ID, DEFAULT_BALANCE, Devnet, Kind, Mining, Options
from chain.errors import NodeStartError

__all__ = ["CHAIN_ID", "DEFAULT_BALANCE", "Devnet", "Kind", "Mining", "start_devnet"]


def start_devnet(
    kind: Kind = "anvil",
    *,
    accounts: Sequence[str] = (),
    balance: int = DEFAULT_BALANCE,
    timestamp: int | None = None,
    mining: Mining = "auto",
    block_time: float | None = None,
    state: Path | None = None,
    port: int = 0,
) -> Devnet:
    """Start a private chain with id 31337, on loopback; use it as a context manager.

    The node ends with the ``with`` block, and also when this process dies in any way.

    Args:
        kind: ``anvil``, ``hardhat`` or ``embedded`` (no process, no RPC URL).
        accounts: addresses that begin with ``balance``.
        balance: in wei.
        timestamp: of the genesis block, in seconds; now if None.
        mining: ``auto`` mines every transaction as it comes; ``manual`` mines on demand with
            explicit timestamps, so that one sequence of calls gives one sequence of block hashes.
        block_time: seconds between blocks in place of a block for each transaction.
        state: Anvil only: a file the chain is read from, if it exists, and kept in.
        port: on loopback; 0 takes a free one.

    Raises:
        NodeMissing: the node's program is not installed.
        PortBusy: another program listens on ``port``.
        NodeStartError: it did not come up, or cannot do what was asked.
    """
    if block_time is not None and (mining == "manual" or block_time <= 0):
        raise NodeStartError(
            f"block_time={block_time} needs automatic mining and a positive number of seconds"
        )
    if state is not None and kind != "anvil":
        raise NodeStartError(f"the {kind} chain keeps no state file; use anvil")
    options = Options(accounts, balance, timestamp, mining, block_time, port)
    # The imports wait for the kind asked for: the embedded chain is an extra.
    if kind == "anvil":
        from chain.devnet.anvil import Anvil  # noqa: PLC0415

        return Anvil(options, state)
    if kind == "hardhat":
        from chain.devnet.hardhat import Hardhat  # noqa: PLC0415

        return Hardhat(options)
    if block_time is not None or port != 0:
        raise NodeStartError("the embedded chain has neither block_time nor port; use anvil")
    from chain.devnet.embedded import Embedded  # noqa: PLC0415

    return Embedded(options)
