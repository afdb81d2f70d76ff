"""A connection to a node: web3.py with this package's errors."""

from collections.abc import Callable, Sequence
from typing import Any

import requests
from web3 import HTTPProvider, Web3
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import RPCEndpoint, RPCResponse

from chain.errors import ChainError, NodeUnreachable, RpcError, WrongChain

DEFAULT_TIMEOUT = 30.0  # seconds for one request

# Only what may be asked twice: a transaction or a mining request is never repeated blindly.
_REPEATABLE = [
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_feeHistory",
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
]

# What may revert: this package decodes the reason itself.
INTERPRETED_HERE = frozenset({"eth_call", "eth_estimateGas", "eth_sendRawTransaction"})


class NodeProvider(HTTPProvider):
    """JSON-RPC over HTTP; reads are tried three times, then :class:`NodeUnreachable` is raised.

    A refused call or transaction raises :class:`RpcError` here, before web3.py interprets what
    may be hostile data: it would follow an ``OffchainLookup`` to any URL, and fail on a panic
    code that it does not know.

    ``explain`` may know better why a node is silent (a local one that died).
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        explain: Callable[[], ChainError | None] = lambda: None,
    ) -> None:
        self.session = requests.Session()
        super().__init__(
            url,
            session=self.session,
            request_kwargs={"timeout": timeout},
            exception_retry_configuration=ExceptionRetryConfiguration(
                errors=(requests.ConnectionError, requests.Timeout),
                retries=3,
                backoff_factor=0.1,
                method_allowlist=_REPEATABLE,
            ),
        )
        self.url = url
        self._explain = explain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request.

        Raises:
            NodeUnreachable: nothing answered, or not in JSON.
            RpcError: a call or a transaction was refused.
        """
        try:
            response = super().make_request(method, params)
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from error
        if method in INTERPRETED_HERE:
            result_of(method, response)
        return response

    def make_batch_request(
        self, batch_requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse] | RPCResponse:
        """Send several requests as one JSON-RPC batch; raises like :meth:`make_request`."""
        try:
            return super().make_batch_request(batch_requests)
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> ChainError:
        explained = self._explain()
        if explained is not None:
            return explained
        if isinstance(error, requests.Timeout):
            why = "it did not answer in time"
        elif isinstance(error, requests.HTTPError) and error.response is not None:
            why = f"it answered HTTP {error.response.status_code}"
        elif isinstance(error, requests.ConnectionError):
            why = "nothing listens there"
        else:
            why = f"its answer is not JSON-RPC ({type(error).__name__})"
        return NodeUnreachable(
            f"cannot reach the node at {self.url}: {why}; start it, or correct the URL"
        )


def connect_node(
    url: str, *, chain_id: int | None = None, timeout: float = DEFAULT_TIMEOUT
) -> Web3:
    """Connect to the node at ``url`` (HTTP JSON-RPC).

    Args:
        url: for instance ``http://127.0.0.1:8545``.
        chain_id: the chain id the node must serve; None accepts any.
        timeout: seconds allowed for one request.

    Raises:
        NodeUnreachable: nothing answers there.
        WrongChain: another chain id.
    """
    if not url.startswith(("http://", "https://")):
        raise NodeUnreachable(f"{url!r} is no node URL: it must start with http:// or https://")
    web3 = Web3(NodeProvider(url, timeout=timeout))
    found = web3.eth.chain_id
    if chain_id is not None and found != chain_id:
        raise WrongChain(url, chain_id, found)
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
    error: Any = response.get("error")
    if error is None:
        return response.get("result")
    if not isinstance(error, dict):
        raise RpcError(method, 0, str(error))
    data = error.get("data")
    if isinstance(data, dict):  # Hardhat
        data = data.get("data")
    code = error.get("code")
    raise RpcError(
        method,
        code if isinstance(code, int) else 0,
        str(error.get("message", "no reason given")),
        data if isinstance(data, str) else None,
    )
