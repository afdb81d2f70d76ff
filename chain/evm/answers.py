"""What a node's answers mean: results of the right form, or the error that tells what to do.

Clients and providers word the same thing in many ways. This is the only place that knows them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from web3.types import RPCResponse

from chain.errors import MalformedAnswer, NodeBehind, NodeBusy, NodeError, RpcError

_QUANTITY = re.compile(r"0[xX][0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0[xX](?:[0-9a-fA-F]{2})*")
_HASH = re.compile(r"0[xX][0-9a-fA-F]{64}")
_EXTRA_DATA = 2 + 2 * 32  # characters; proof-of-authority chains write more, which web3.py refuses

_RATE_CODES = frozenset({429, -32029, -32016, -32097})
_LIMIT_EXCEEDED = -32005  # EIP-1474; also said of ranges of logs that are too wide
_RATE_WORDS = re.compile(
    r"rate.?limit|too many requests|request (?:count|limit)|requests? per|compute units|throttl"
    r"|capacity|quota|try again later|server is busy|overloaded|temporarily unavailable",
    re.IGNORECASE,
)
_RANGE_WORDS = re.compile(
    r"block range|range (?:is )?too|too (?:wide|large|many (?:results|logs))|more than \d+ results"
    r"|response size|query returned|limited to|exceed(?:s|ed)? .{0,40}(?:range|results|blocks|logs)"
    r"|up to a \d+ block",
    re.IGNORECASE,
)
_BEHIND_WORDS = re.compile(
    r"header not found|unknown block|block not found|block.{0,60}(?:cannot|could not) be found"
    r"|(?:is )?not (?:yet )?mined|missing trie node|state (?:is )?not available"
    r"|after last accepted block|beyond (?:current )?head|extends beyond",
    re.IGNORECASE,
)
_INDEXING_WORDS = re.compile(r"indexing is in progress|not (?:yet )?indexed", re.IGNORECASE)
_REVERT_WORDS = re.compile(r"revert|VM execution error|invalid opcode", re.IGNORECASE)
_HEX_IN_WORDS = re.compile(r"(?:^|Reverted )0x((?:[0-9a-fA-F]{2})*)$")
_REVERTED = 3  # the code that geth, Anvil and others give a revert


def checked(method: str, params: Any, response: Any) -> RPCResponse:
    """An answer whose result has the form that ``method`` gives.

    Raises:
        RpcError: (or NodeBehind) the node answered with an error.
        NodeBusy: it limits requests.
        MalformedAnswer: it answered something else.
    """
    if not isinstance(response, dict):
        raise MalformedAnswer(f"the node answered {method} with {_short(response)}")
    if response.get("error") is not None:
        error = error_of(method, response["error"])
        if method in _NOT_YET and _INDEXING_WORDS.search(str(error)):
            return {"jsonrpc": "2.0", "id": response.get("id", 0), "result": None}
        raise error
    if "result" not in response:
        raise MalformedAnswer(f"the node answered {method} with neither a result nor an error")
    form = _FORMS.get(method)
    if form is not None:
        try:
            response["result"] = form(response["result"], params)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise MalformedAnswer(
                f"the node answered {method} with {_short(response['result'])}, which is no such "
                "answer"
            ) from error
    return response  # type: ignore[return-value]


def error_of(method: str, error: Any) -> NodeError:
    """The exception for the error in a JSON-RPC answer."""
    if not isinstance(error, Mapping):
        return RpcError(method, 0, _short(error))
    code = error.get("code")
    code = code if isinstance(code, int) else 0
    message = str(error.get("message") or "no reason given")
    data = returned_data(error.get("data"))
    words = f"{message} {error['data']}" if isinstance(error.get("data"), str) else message
    if code == _REVERTED or data not in {None, "0x"} or _REVERT_WORDS.search(words):
        return RpcError(method, code, message, data or "0x")
    limited = code == _LIMIT_EXCEEDED and not _RANGE_WORDS.search(words)
    if limited or code in _RATE_CODES or _RATE_WORDS.search(words):
        return NodeBusy(f"the node limits requests: {_short(words)} (code {code})")
    if _BEHIND_WORDS.search(message):
        return NodeBehind(method, code, message)
    return RpcError(method, code, message)


def returned_data(data: Any) -> str | None:
    """What a contract returned as it refused, wherever a client puts it; None if nowhere.

    Geth and Anvil give it as it is, OpenEthereum and old Nethermind behind a word, Hardhat as
    ``data.data``, Ganache as ``data.result`` or ``data[transaction].return``.
    """
    if isinstance(data, str):
        match = _HEX_IN_WORDS.search(data.strip())
        return "0x" + match[1] if match else None
    if isinstance(data, Mapping):
        for key in ("data", "result", "return", "output"):
            if key in data:
                return returned_data(data[key])
        for inner in list(data.values())[:4]:
            if isinstance(inner, Mapping) and (found := returned_data(inner)) is not None:
                return found
    return None


def _quantity(result: Any, _params: Any) -> Any:
    _require(_QUANTITY, result)
    return result


def _data(result: Any, _params: Any) -> Any:
    _require(_DATA, result)
    return result


def _hash(result: Any, _params: Any) -> Any:
    _require(_HASH, result)
    return result


def _block(result: Any, params: Any) -> Any:
    if result is None:
        if params and params[0] == "latest":
            raise ValueError("there is always a latest block")
        return None
    for key in ("number", "timestamp"):
        _require(_QUANTITY, result[key])
    _require(_HASH, result["hash"])
    if isinstance(result.get("extraData"), str):
        result["extraData"] = result["extraData"][:_EXTRA_DATA]
    if result.get("baseFeePerGas") is not None:
        _require(_QUANTITY, result["baseFeePerGas"])
    if not isinstance(result.get("transactions", []), list):
        raise TypeError("a block's transactions are a list")
    return result


def _receipt(result: Any, _params: Any) -> Any:
    """A receipt that is whole; one of a transaction that is still pending is none yet."""
    if result is None:
        return None
    if result.get("blockNumber") is None or result.get("status") is None:
        return None
    for key in ("blockNumber", "status", "gasUsed"):
        _require(_QUANTITY, result[key])
    for key in ("blockHash", "transactionHash"):
        _require(_HASH, result[key])
    if not isinstance(result.get("logs"), list):
        raise TypeError("a receipt's logs are a list")
    return result


def _transaction(result: Any, _params: Any) -> Any:
    if result is None:
        return None
    _require(_HASH, result["hash"])
    _require(_QUANTITY, result["nonce"])
    if result.get("blockNumber") is not None:
        _require(_QUANTITY, result["blockNumber"])
    return result


def _logs(result: Any, _params: Any) -> Any:
    if not isinstance(result, list) or not all(isinstance(log, dict) for log in result):
        raise TypeError("logs are a list of objects")
    return result


def _fee_history(result: Any, _params: Any) -> Any:
    for reward in result.get("reward") or []:
        for value in reward:
            _require(_QUANTITY, value)
    return result


def _require(form: re.Pattern[str], value: Any) -> None:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"{_short(value)} is not of its form")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"


_NOT_YET = frozenset({"eth_getTransactionReceipt", "eth_getTransactionByHash"})
_FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "eth_blockNumber": _quantity,
    "eth_call": _data,
    "eth_chainId": _quantity,
    "eth_estimateGas": _quantity,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": _quantity,
    "eth_getBalance": _quantity,
    "eth_getBlockByHash": _block,
    "eth_getBlockByNumber": _block,
    "eth_getCode": _data,
    "eth_getLogs": _logs,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _quantity,
    "eth_getTransactionReceipt": _receipt,
    "eth_maxPriorityFeePerGas": _quantity,
    "eth_sendRawTransaction": _hash,
}
