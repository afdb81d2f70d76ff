"""Event logs from a node, in windows of blocks, checked for what can be checked."""

from collections.abc import Iterator, Sequence
from typing import Any

from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from chain.errors import ContractError, RpcError
from chain.evm.node import NodeProvider, rpc

FIRST_WINDOW = 2_000  # blocks; public nodes refuse more
_MOST_WINDOW = 20_000
_ENOUGH_LOGS = 5_000  # a window that gives more is made smaller, one that gives few larger


def fetch_logs(
    web3: Web3,
    addresses: Sequence[str],
    topics: Sequence[bytes],
    from_block: int,
    to_block: int,
) -> Iterator[tuple[int, list[LogReceipt]]]:
    """Logs of ``addresses`` whose first topic is one of ``topics``.

    Args:
        web3: the node.
        addresses: contracts.
        topics: event topics (32 bytes each); none for all.
        from_block: first block, included.
        to_block: last block, included.

    Yields:
        For each window its last block and its logs in chain order.

    Raises:
        ContractError: the node gave logs that were not asked for.
        RpcError: it refuses even a single block.
    """
    window, start = FIRST_WINDOW, from_block
    while start <= to_block:
        end = min(start + window - 1, to_block)
        try:
            logs = _window(web3, addresses, topics, start, end)
        except (RpcError, Web3RPCError):  # too many blocks or results for this node
            if window == 1:
                raise
            window = max(1, window // 4)
            continue
        _check(logs, addresses, topics, start, end)
        logs.sort(key=lambda log: (log["blockNumber"], log["logIndex"]))
        yield end, logs
        start = end + 1
        if len(logs) > _ENOUGH_LOGS:
            window = max(1, window // 2)
        elif len(logs) < _ENOUGH_LOGS // 4:
            window = min(_MOST_WINDOW, window * 2)


def _window(
    web3: Web3, addresses: Sequence[str], topics: Sequence[bytes], start: int, end: int
) -> list[LogReceipt]:
    query: dict[str, Any] = {"fromBlock": start, "toBlock": end, "address": list(addresses)}
    if topics:
        query["topics"] = [["0x" + topic.hex() for topic in topics]]
    if not isinstance(web3.provider, NodeProvider):
        return list(web3.eth.get_logs(query))  # type: ignore[arg-type]
    # web3.py's formatters would take longer than everything else together.
    query |= {"fromBlock": hex(start), "toBlock": hex(end)}
    answer = rpc(web3, "eth_getLogs", query)
    try:
        return [_parse(log) for log in answer if not log.get("removed")]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"the node gave a log that is none: {error!r}") from error


def _parse(log: dict[str, Any]) -> LogReceipt:
    parsed: Any = {
        "address": log["address"],
        "topics": [bytes.fromhex(topic[2:]) for topic in log["topics"]],
        "data": bytes.fromhex(log["data"][2:]),
        "blockNumber": int(log["blockNumber"], 16),
        "logIndex": int(log["logIndex"], 16),
        "blockHash": bytes.fromhex(log["blockHash"][2:]),
        "transactionHash": bytes.fromhex(log["transactionHash"][2:]),
        "transactionIndex": int(log["transactionIndex"], 16),
    }
    return parsed  # type: ignore[no-any-return]


def _check(
    logs: Sequence[LogReceipt],
    addresses: Sequence[str],
    topics: Sequence[bytes],
    start: int,
    end: int,
) -> None:
    wanted = {address.lower() for address in addresses}
    for log in logs:
        topic = bytes(log["topics"][0]) if log["topics"] else b""
        if (
            not start <= log["blockNumber"] <= end
            or str(log["address"]).lower() not in wanted
            or (topics and topic not in topics)
        ):
            raise ContractError(
                f"the node gave a log of {log['address']} in block {log['blockNumber']} that was "
                "not asked for; do not trust this node"
            )
