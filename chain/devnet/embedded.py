"""An EVM inside this process (eth-tester and py-evm), for machines without Node.js."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import EthereumTesterProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

from chain.devnet.base import BLOCK_GAS_LIMIT, CHAIN_ID, Devnet, Options
from chain.errors import NodeError, NodeMissing, RpcError, TransactionRejected
from chain.evm.node import rpc

try:
    from eth.exceptions import Revert
    from eth.vm.spoof import SpoofTransaction
    from eth_tester import EthereumTester, PyEVMBackend
    from eth_tester.backends.pyevm.serializers import serialize_transaction_receipt
    from eth_tester.exceptions import TransactionNotFound
    from eth_tester.exceptions import ValidationError as TesterValidationError
    from eth_utils.exceptions import ValidationError
except ImportError as error:
    raise NodeMissing(
        "the embedded chain is not installed; run `pip install 'karat[embedded]'`"
    ) from error

_REVERTED = 3  # the JSON-RPC error code of a revert with data, as in Geth and Anvil
_REFUSED = -32000
_BLOCKS_KEPT = 64  # decoded, for receipts and logs


class _CallFailed(Exception):
    """A call or an estimate that failed, with what the contract returned."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class _Backend(PyEVMBackend):  # type: ignore[misc]
    """py-evm with our chain id, block hashes that depend on nothing outside, and free calls."""

    def __init__(self, accounts: Mapping[str, int], timestamp: int) -> None:
        state = {
            to_canonical_address(address): {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
            for address, wei in accounts.items()
        }
        parameters = self.generate_genesis_params(
            {"timestamp": timestamp, "gas_limit": BLOCK_GAS_LIMIT}
        )
        self._block_of: dict[bytes, int] = {}  # the number of each transaction's block
        self._decoded: dict[bytes, tuple[Any, Any, dict[bytes, int]]] = {}
        super().__init__(genesis_parameters=parameters, genesis_state=state)
        type(self.chain).chain_id = CHAIN_ID

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> tuple[bytes, ...]:
        """Mine empty blocks."""
        return tuple(self.mine_transactions([], coinbase) for _ in range(num_blocks))

    def mine_transactions(self, transactions: Sequence[Any], coinbase: bytes = bytes(20)) -> bytes:
        """Mine one block with these decoded transactions, all at once; its hash.

        eth-tester draws ``mix_hash`` at random, this derives it from the parent.

        Raises:
            ValidationError: one of them is not valid; nothing was mined.
        """
        mix_hash = keccak(self.chain.header.parent_hash)
        result, _, _ = self.chain.mine_all(
            transactions, coinbase=coinbase, mix_hash=mix_hash, blob_gas_used=0
        )
        block = result.imported_block
        self._block_of |= {transaction.hash: block.number for transaction in transactions}
        return bytes(block.hash)

    def call(self, transaction: dict[str, Any], block_number: Any = "latest") -> bytes:
        """Run a call that costs nothing, so that any sender can make it."""
        computation = self._run(transaction, transaction.get("gas", BLOCK_GAS_LIMIT), block_number)
        if computation.is_error:
            error = computation.error
            raise _CallFailed(
                "execution reverted" if isinstance(error, Revert) else f"call failed: {error!r}",
                computation.output,
            )
        return bytes(computation.output)

    def estimate_gas(self, transaction: dict[str, Any], block_number: Any = "latest") -> int:
        """The gas used by a run, raised until a run with just that much succeeds."""
        self.call({**transaction, "gas": BLOCK_GAS_LIMIT}, block_number)
        most = self._run(transaction, BLOCK_GAS_LIMIT, block_number)
        gas = 21_000 + int(most.get_gas_used())
        while gas < BLOCK_GAS_LIMIT:
            try:
                if not self._run(transaction, gas, block_number).is_error:
                    return gas
            except ValidationError:  # below the intrinsic gas
                pass
            gas += gas // 10
        return BLOCK_GAS_LIMIT

    def get_transaction_receipt(self, transaction_hash: bytes) -> dict[str, Any]:
        """A receipt whose logs are numbered within the block; eth-tester begins at 0 in each.

        It also decodes the whole block each time, which is kept here.
        """
        number = self._block_of.get(transaction_hash)
        if number is None or number >= self.chain.header.block_number:
            raise TransactionNotFound(f"no transaction 0x{transaction_hash.hex()}")
        block, receipts, positions = self._receipts(self.chain.get_canonical_block_hash(number))
        if transaction_hash not in positions:  # another block since a snapshot was reverted
            raise TransactionNotFound(f"no transaction 0x{transaction_hash.hex()}")
        index = positions[transaction_hash]
        receipt: dict[str, Any] = serialize_transaction_receipt(
            block, receipts, block.transactions[index], index, False, self.chain.get_vm()
        )
        first = sum(len(earlier.logs) for earlier in receipts[:index])
        for log in receipt["logs"]:
            log["log_index"] += first
        return receipt

    def _receipts(self, block_hash: bytes) -> tuple[Any, Any, dict[bytes, int]]:
        """A block, its receipts, and where in it each transaction stands."""
        if block_hash not in self._decoded:
            block = self.chain.get_block_by_hash(block_hash)
            receipts = block.get_receipts(self.chain.chaindb)
            positions = {one.hash: index for index, one in enumerate(block.transactions)}
            if len(self._decoded) >= _BLOCKS_KEPT:
                self._decoded.pop(next(iter(self._decoded)))
            self._decoded[block_hash] = (block, receipts, positions)
        return self._decoded[block_hash]

    def _run(self, transaction: Mapping[str, Any], gas: int, block_number: Any) -> Any:
        fees = ("gas_price", "max_fee_per_gas", "max_priority_fee_per_gas")
        free = {key: value for key, value in transaction.items() if key not in fees}
        free |= {"gas": gas, "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}
        free["nonce"] = self.get_nonce(transaction["from"], block_number)
        unsigned = self._get_normalized_and_unsigned_evm_transaction(free, block_number)
        spoofed = SpoofTransaction(unsigned, from_=transaction["from"])
        header = self.chain.get_canonical_head()
        if isinstance(block_number, int):
            header = self.chain.get_canonical_block_header_by_number(block_number)
        state = self.chain.get_vm(header.copy(base_fee_per_gas=0)).state
        snapshot = state.snapshot()
        computation = state.apply_transaction(spoofed)
        state.revert(snapshot)
        return computation


class _Provider(EthereumTesterProvider):
    """web3.py's provider with our chain id, queue and errors."""

    def __init__(self, chain: "Embedded", tester: EthereumTester) -> None:
        super().__init__(tester)
        self._chain = chain
        self._lock = threading.RLock()  # py-evm is not made for several threads

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        with self._lock:
            try:
                if method == "eth_chainId":
                    return self._answer(CHAIN_ID)
                if method == "eth_sendRawTransaction":
                    return self._answer(self._chain.take(bytes(HexBytes(params[0]))))
                return super().make_request(method, params)
            except _CallFailed as failed:
                data = "0x" + failed.data.hex()
                raise RpcError(method, _REVERTED, str(failed), data) from failed
            except (ValidationError, TesterValidationError, TransactionRejected) as refused:
                raise RpcError(method, _REFUSED, str(refused)) from refused

    @staticmethod
    def _answer(result: Any) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 0, "result": result}


class Embedded(Devnet):
    """py-evm in this process: no RPC URL, memory only, about 60 transactions a second."""

    kind = "embedded"
    rpc_url = None

    def __init__(self, options: Options) -> None:
        self.mining = options.mining
        self._backend = _Backend(dict.fromkeys(options.accounts, options.balance), options.start)
        self._tester = EthereumTester(self._backend)
        self._queue: list[Any] = []  # decoded transactions
        self._clock_offset = options.start - time.time()
        self.web3 = Web3(_Provider(self, self._tester))

    def close(self) -> None:
        """Nothing runs outside this process, so there is nothing to end."""

    def take(self, raw: bytes) -> str:
        """Queue one signed transaction, and with automatic mining mine it; its hash.

        Raises:
            TransactionRejected: it is not valid in the block.
            ValidationError: it cannot be decoded.
        """
        transaction = self._decode(raw)
        self._queue.append(transaction)
        if self.mining == "auto":
            self.mine()
        return "0x" + bytes(transaction.hash).hex()

    def mine(self, timestamp: int | None = None) -> None:
        """Mine one block with what is queued; see :meth:`Devnet.mine`.

        Raises:
            TransactionRejected: a queued transaction is not valid; the others were mined.
        """
        if timestamp is not None:
            self._check_after_latest(timestamp)
            self._clock_offset = timestamp - time.time()
        elif self.mining == "manual":
            timestamp = self.timestamp + 1
        else:
            timestamp = max(self.timestamp + 1, int(time.time() + self._clock_offset))
        chain = self._backend.chain
        chain.header = chain.header.copy(timestamp=timestamp)
        waiting, self._queue = self._queue, []
        try:
            self._backend.mine_transactions(waiting)
        except ValidationError:
            self._mine_the_valid(waiting)

    def _mine_the_valid(self, transactions: Sequence[Any]) -> None:
        """Mine one by one, which takes long, to find those that are not valid or do not fit."""
        chain, header = self._backend.chain, self._backend.chain.header
        valid: list[Any] = []
        rejected: list[str] = []
        for transaction in transactions:
            if chain.header.gas_used + transaction.gas > BLOCK_GAS_LIMIT:
                self._queue.append(transaction)  # for the next block
                continue
            try:
                chain.apply_transaction(transaction)
                valid.append(transaction)
            except ValidationError as error:
                rejected.append(f"transaction 0x{bytes(transaction.hash).hex()} refused: {error}")
        chain.header = header
        self._backend.mine_transactions(valid)
        if rejected:
            raise TransactionRejected("; ".join(rejected))

    def set_balance(self, address: str, wei: int) -> None:
        """Give ``address`` a balance of ``wei``, from the next block on."""
        chain = self._backend.chain
        vm = chain.get_vm()
        vm.state.set_balance(to_canonical_address(address), wei)
        vm.state.persist()
        chain.header = chain.header.copy(state_root=vm.state.state_root)

    def snapshot(self) -> str:
        """Remember the state; pass the result to :meth:`revert`."""
        return str(rpc(self.web3, "evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot."""
        try:
            self._tester.revert_to_snapshot(int(snapshot))
        except ValueError as error:
            raise NodeError(f"{snapshot!r} is no snapshot of this chain") from error

    def _submit(self, raw_transactions: Sequence[bytes]) -> list[str | RpcError]:
        answers: list[str | RpcError] = []
        for raw in raw_transactions:
            try:
                transaction = self._decode(raw)
            except (ValidationError, ValueError) as error:
                answers.append(RpcError("eth_sendRawTransaction", _REFUSED, str(error)))
            else:
                answers.append("0x" + bytes(transaction.hash).hex())
                self._queue.append(transaction)
        return answers

    def _decode(self, raw: bytes) -> Any:
        return self._backend.chain.get_vm().get_transaction_builder().decode(raw)
