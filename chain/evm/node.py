"""A connection to a node: web3.py with this package's errors, patience and bounds."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

from chain.errors import (
    AnswerTooLarge,
    ChainError,
    MalformedAnswer,
    NodeBehind,
    NodeBusy,
    NodeError,
    NodeUnreachable,
    RpcError,
    WrongChain,
)
from chain.evm.answers import checked, error_of
from chain.evm.wire import MOST_BYTES, Wire
from chain.urls import shown

# py_ecc, which web3.py loads, raises this to 100,000: so deep, Python 3.11's own JSON parser runs
# over the C stack on a stranger's document instead of raising RecursionError.
sys.setrecursionlimit(min(sys.getrecursionlimit(), 10_000))

DEFAULT_TIMEOUT = 30.0  # seconds for one exchange, the whole answer included

# Only what may be asked twice: a mining request is never repeated blindly. A signed transaction
# may be sent again: its nonce makes sure that it counts once.
_REPEATABLE = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "web3_clientVersion",
    }
)
# How often and how long, in seconds, each failure is waited out before it is somebody else's.
_PATIENCE: tuple[tuple[type[NodeError], int, float], ...] = (
    (AnswerTooLarge, 1, 0.0),
    (NodeBusy, 12, 8.0),
    (NodeBehind, 4, 5.0),
    (MalformedAnswer, 4, 5.0),
    (NodeUnreachable, 3, 60.0),
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONGEST_RETRY_AFTER = 30.0  # for a node that says when it may be asked again
_LATE_BLOCKS = 3  # how often a block that is not there is asked for again: a replica may lag


class NodeProvider(HTTPProvider):
    """JSON-RPC over HTTP with one node, or with several of which the first that works is asked.

    Every answer is bounded and checked, here and nowhere else (:mod:`chain.evm.answers`): what
    comes out has the form that the method gives, or is a :class:`NodeError`. What passes (a limit
    on requests, a replica that lags, a broken line) is waited out within a budget. web3.py never
    interprets an error: it would follow an ``OffchainLookup`` to any URL, and fail on a panic code
    that it does not know.

    ``explain`` may know better why a node is silent (a local one that died).
    """

    def __init__(
        self,
        url: str,
        *others: str,
        timeout: float = DEFAULT_TIMEOUT,
        max_bytes: int = MOST_BYTES,
        explain: Callable[[], ChainError | None] = lambda: None,
    ) -> None:
        """``url`` and ``others`` serve the same chain; ``timeout`` is in seconds."""
        super().__init__(url, exception_retry_configuration=None)
        self.url = url
        self.log_window: Any = None  # what chain.evm.logs has learned of this node
        self._wires = [Wire(one, seconds=timeout, max_bytes=max_bytes) for one in (url, *others)]
        self._current = 0
        self._chain_id: RPCResponse | None = None
        self._explain = explain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request; the answer has a result of the method's form.

        Raises:
            NodeUnreachable: nothing answered, or not in JSON.
            NodeBusy: the node limits requests, for longer than is waited.
            MalformedAnswer: it answered something else than the method gives.
            RpcError: it answered with an error.
        """
        if method == "eth_chainId" and self._chain_id is not None:
            return self._chain_id

        def ask() -> RPCResponse:
            return checked(method, params, super(NodeProvider, self).make_request(method, params))

        response: RPCResponse = self._patiently([method], ask)
        if method == "eth_chainId":
            self._chain_id = response
        for _ in range(_LATE_BLOCKS):
            if method != "eth_getBlockByNumber" or response["result"] is not None:
                break
            time.sleep(_FIRST_PAUSE)
            response = self._patiently([method], ask)
        return response

    def make_batch_request(
        self, batch_requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send several requests as one JSON-RPC batch; raises as :meth:`make_request`."""
        methods = [method for method, _ in batch_requests]

        def ask() -> list[RPCResponse] | RPCResponse:
            body = self.encode_batch_rpc_request(batch_requests)
            answer: Any = self.decode_rpc_response(self._make_request(RPCEndpoint("batch"), body))
            if not isinstance(answer, list):
                return answer  # type: ignore[no-any-return]
            return sorted(answer, key=lambda one: int(one["id"]))

        answers: list[RPCResponse] | RPCResponse = self._patiently(methods, ask)
        return answers

    def opinions(self, method: str, params: Any) -> list[Any]:
        """What each of the nodes answers, asked once; one that fails has no opinion."""
        results = []
        for wire in self._wires:
            try:
                results.append(self._opinion(wire, method, params))
            except (NodeError, ValueError):
                continue
        return results

    def _opinion(self, wire: Wire, method: str, params: Any) -> Any:
        body = self.encode_rpc_request(RPCEndpoint(method), params)
        return checked(method, params, self.decode_rpc_response(wire.post(body)))["result"]

    @property
    def several(self) -> bool:
        """Whether there is more than one node to ask."""
        return len(self._wires) > 1

    def close(self) -> None:
        """Close the connections of this thread."""
        for wire in self._wires:
            wire.close()

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        """Parse an answer; orjson bounds its depth, where Python's own parser would crash."""
        answer: RPCResponse = orjson.loads(raw_response)
        return answer

    def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
        del method
        return self._wires[self._current].post(request_data)

    def _patiently(self, methods: Sequence[str], ask: Callable[[], Any]) -> Any:
        started, failures = time.monotonic(), 0
        while True:
            try:
                return ask()
            except (NodeError, ValueError, KeyError, TypeError) as error:
                failure = self._explained(error)
            elapsed, failures = time.monotonic() - started, failures + 1
            pause = _pause(failure, failures, elapsed) if _REPEATABLE.issuperset(methods) else None
            if pause is None:
                raise failure
            if not self.turn():
                time.sleep(pause)

    def _explained(self, error: Exception) -> ChainError:
        if isinstance(error, NodeUnreachable) and not isinstance(error, NodeBusy):
            self._chain_id = None  # another node may come up at the same URL
            return self._explain() or error
        if isinstance(error, NodeError):
            return error
        where = shown(self._wires[self._current].url)
        return NodeUnreachable(
            f"cannot use the node at {where}: its answer is not JSON-RPC ({type(error).__name__}); "
            "correct the URL"
        )

    @contextmanager
    def elsewhere(self) -> Iterator[bool]:
        """Ask another node of the same chain within the block; False if there is none."""
        before = self._current
        try:
            yield self.turn()
        finally:
            self._current = before

    def turn(self) -> bool:
        """Turn to another node of the same chain; False if there is none."""
        before, expected = self._current, self._chain_id
        for step in range(1, len(self._wires)):
            other = (before + step) % len(self._wires)
            try:
                served = self._opinion(self._wires[other], "eth_chainId", [])
            except (NodeError, ValueError):
                continue
            if expected is None or int(served, 16) == int(expected["result"], 16):
                self._current = other
                return True
        return False


def _pause(failure: ChainError, failures: int, elapsed: float) -> float | None:
    """Seconds to wait before another try; None if there is none."""
    for kind, attempts, budget in _PATIENCE:
        if isinstance(failure, kind):
            pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
            asked = failure.retry_after if isinstance(failure, NodeBusy) else None
            most = budget if asked is None else _LONGEST_RETRY_AFTER
            pause = max(pause, asked or 0.0)
            return pause if failures < attempts and elapsed + pause <= most else None
    return None


def connect_node(
    url: str, *others: str, chain_id: int | None = None, timeout: float = DEFAULT_TIMEOUT
) -> Web3:
    """Connect to the node at ``url`` (HTTP JSON-RPC), with ``others`` to fall back on.

    Args:
        url: for instance ``http://127.0.0.1:8545``.
        others: more nodes of the same chain.
        chain_id: the chain id the node must serve; None accepts any.
        timeout: seconds allowed for one request.

    Raises:
        NodeUnreachable: nothing answers there.
        WrongChain: another chain id.
    """
    for one in (url, *others):
        if not one.startswith(("http://", "https://")):
            raise NodeUnreachable(
                f"{shown(one)!r} is no node URL: it must start with http:// or https://"
            )
    web3 = Web3(NodeProvider(url, *others, timeout=timeout))
    found = web3.eth.chain_id
    if chain_id is not None and found != chain_id:
        raise WrongChain(shown(url), chain_id, found)
    return web3


def rpc(web3: Web3, method: str, *params: Any) -> Any:
    """Call a method that web3.py has no name for, such as ``evm_mine``.

    Raises:
        RpcError: the node answered with an error.
    """
    return result_of(method, web3.provider.make_request(RPCEndpoint(method), list(params)))


def rpc_batch(web3: Web3, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
    """Call ``method`` once for each entry of ``params`` in one JSON-RPC batch; the results.

    Raises:
        RpcError: the node refused one of them (those before it were done).
    """
    responses = rpc_batch_responses(web3, method, params)
    return [result_of(method, response) for response in responses]


def rpc_batch_responses(
    web3: Web3, method: str, params: Sequence[Sequence[Any]]
) -> list[RPCResponse]:
    """As :func:`rpc_batch`, with the answers as they came, errors included."""
    if not params:
        return []
    provider = web3.provider
    if not isinstance(provider, NodeProvider):
        return [web3.provider.make_request(RPCEndpoint(method), list(entry)) for entry in params]
    answer = provider.make_batch_request([(RPCEndpoint(method), list(entry)) for entry in params])
    if not isinstance(answer, list):  # one error for the whole batch
        result_of(method, answer)
        raise RpcError(method, 0, "the batch was answered with one result")
    if len(answer) != len(params):
        raise RpcError(method, 0, f"{len(answer)} answers to a batch of {len(params)}")
    return answer


def result_of(method: str, response: RPCResponse) -> Any:
    """The result in a JSON-RPC answer.

    Raises:
        RpcError: the answer is an error; ``data`` is what a contract returned, if one did.
    """
    if response.get("error") is not None:
        raise error_of(method, response["error"])
    return response.get("result")
