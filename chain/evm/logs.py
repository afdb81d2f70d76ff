"""Event logs from a node, in windows of blocks, checked for what can be checked."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from chain.errors import AnswerTooLarge, ContractError, NodeBehind, RpcError
from chain.evm.node import NodeProvider, rpc

FIRST_WINDOW = 2_000  # blocks; public nodes refuse more
_MOST_WINDOW = 20_000
_ENOUGH_LOGS = 5_000  # a window that gives more is made smaller, one that gives few larger
_CLOSE = 1.05  # the cap is known well enough
_NAMED_CAP = re.compile(
    r"(?:up to an?|maximum(?: is|:)?|max(?: is|:)?|limited to(?: an?)?|at most|exceeds?(?: the)?"
    r"(?: limit of)?|limit(?: of| is|:)?)\D{0,20}?(\d[\d,_]*)(?: ?k\b)?(?! results| logs)",
    re.IGNORECASE,
)
Filters = Sequence[Sequence[bytes]]  # by position, which topics are wanted; none for any

_RESULT_WORDS = re.compile(r"results|response size|too large|too many logs", re.IGNORECASE)


class LogWindow:
    """How many blocks a node gives the logs of at once: learned from what it refuses.

    Kept with the node's provider, so that nothing is learned twice.
    """

    def __init__(self) -> None:
        self.size = FIRST_WINDOW
        self._accepted = 0
        self._refused = _MOST_WINDOW + 1  # the fewest blocks that were refused

    def refused(self, blocks: int, message: str) -> None:
        """Make the window smaller."""
        if _RESULT_WORDS.search(message):  # these blocks hold much: no rule for others
            self.size = max(1, blocks // 2)
            return
        self._refused = min(self._refused, blocks)
        if self._accepted >= self._refused:  # the node has become stricter
            self._accepted = 0
        named = [int(re.sub(r"\D", "", cap)) for cap in _NAMED_CAP.findall(message)]
        caps = [cap for cap in named if self._accepted < cap < blocks]
        if caps:
            self.size = max(caps)
        elif self._accepted:
            self.size = (self._accepted + self._refused) // 2
        else:
            self.size = max(1, blocks // 4)

    def accepted(self, blocks: int, logs: int) -> None:
        """Make the window larger where few logs came, up to what the node takes."""
        if blocks == self.size:
            self._accepted = max(self._accepted, blocks)
        if logs > _ENOUGH_LOGS:
            self.size = max(1, self.size // 2)
        elif logs < _ENOUGH_LOGS // 4 and blocks == self.size:
            most = self._refused - 1
            if most > _CLOSE * self.size and self._refused <= _MOST_WINDOW:
                most = (self.size + self._refused) // 2
            if most > _CLOSE * self.size:
                self.size = min(most, self.size * 2)


def fetch_logs(
    web3: Web3,
    addresses: Sequence[str],
    topics: Sequence[bytes],
    from_block: int,
    to_block: int,
    subject: bytes | None = None,
) -> Iterator[tuple[int, list[LogReceipt]]]:
    """Logs of ``addresses`` whose first topic is one of ``topics``.

    Args:
        web3: the node.
        addresses: contracts.
        topics: event topics (32 bytes each); none for all.
        from_block: first block, included.
        to_block: last block, included.
        subject: the second topic, which is the first indexed argument (32 bytes); None for any.

    Yields:
        For each window its last block and its logs in chain order.

    Raises:
        ContractError: the node gave logs that were not asked for.
        NodeError: it refuses even a single block, or does not know the last one.
    """
    window, start = _window_of(web3), from_block
    filters = [topics, [subject]] if subject is not None else [topics]
    while start <= to_block:
        end = min(start + window.size - 1, to_block)
        try:
            logs = _window(web3, addresses, filters, start, end)
        except NodeBehind:
            raise
        except (RpcError, AnswerTooLarge, Web3RPCError) as error:
            if start == end:
                raise
            window.refused(end - start + 1, str(error))
            continue
        _check(logs, addresses, filters, start, end)
        logs.sort(key=lambda log: (log["blockNumber"], log["logIndex"]))
        yield end, logs
        window.accepted(end - start + 1, len(logs))
        start = end + 1


def topic_of(value: int) -> bytes:
    """An indexed number as a topic; 32 bytes.

    Raises:
        ContractError: no uint256 is this number.
    """
    if not 0 <= value < 1 << 256:
        raise ContractError(f"no contract counts to {value}")
    return value.to_bytes(32)


def _window_of(web3: Web3) -> LogWindow:
    provider = web3.provider
    if not isinstance(provider, NodeProvider):
        return LogWindow()
    if provider.log_window is None:
        provider.log_window = LogWindow()
    return provider.log_window  # type: ignore[no-any-return]


def _window(
    web3: Web3, addresses: Sequence[str], filters: Filters, start: int, end: int
) -> list[LogReceipt]:
    query: dict[str, Any] = {"fromBlock": start, "toBlock": end, "address": list(addresses)}
    if any(filters):
        query["topics"] = [["0x" + one.hex() for one in wanted] or None for wanted in filters]
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
    filters: Filters,
    start: int,
    end: int,
) -> None:
    wanted = {address.lower() for address in addresses}
    for log in logs:
        topics = [bytes(topic) for topic in log["topics"][: len(filters)]]
        matches = (not some or topic in some for topic, some in zip_longest(topics, filters))
        if (
            not start <= log["blockNumber"] <= end
            or str(log["address"]).lower() not in wanted
            or not all(matches)
        ):
            raise ContractError(
                f"the node gave a log of {log['address']} in block {log['blockNumber']} that was "
                "not asked for; do not trust this node"
            )
