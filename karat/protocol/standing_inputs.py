"""The inputs of a task's standings, read from the chain: order of joining, gains, rows.

They are those of a day as it began, which the contract knows for this day and the day before; see
``contracts/interfaces/ITaskInputs.sol``. Rows are kept there as hashes; what they say is in events,
each of which is read once.
"""

from eth_hash.auto import keccak

from chain.ledger.bindings.task_inputs_events import RowStated
from chain.ledger.client import TaskInputs
from karat.errors import ProtocolError
from reputation.anchoring.standings import Inputs, unpack_row

DAY_SECONDS = 86_400
_HASH = 28  # bytes
_SLICE = 256  # accounts that are asked for in one call
_READ_AGAIN = 64  # latest blocks, which may be reorganised


class InputsReader:
    """Reads the inputs of one ledger's tasks. ``from_block``: of the contract's creation."""

    def __init__(self, contract: TaskInputs, from_block: int = 0) -> None:
        self.contract = contract
        self._next = from_block
        self._rows: dict[bytes, bytes] = {}  # what was ever stated, by the first bytes of its hash
        self._stated: dict[int, set[int]] = {}  # scope → indices of those that ever stated a row

    def read(self, scope: int, day: int) -> Inputs:
        """The inputs of a task, as a day (counted from 1970) began.

        Raises:
            DayNotKept: the day is over for too long, or has not begun.
            ProtocolError: a row that is in force was in no event.
            chain.errors.ChainError: the node cannot be reached.
        """
        self._refresh()
        nodes = self.contract.members(scope, day)
        accounts: list[int] = []
        gains: list[int] = []
        for first in range(0, nodes, _SLICE):
            count = min(_SLICE, nodes - first)
            some, earned = self.contract.slice(scope, day, first, count)
            accounts += [int(account, 16) for account in some]
            gains += earned
        rows: list[list[tuple[int, int]]] = [[] for _ in accounts]
        for index in sorted(self._stated.get(scope, ())):
            if index < nodes:
                rows[index] = self._row(scope, day, index)
        return Inputs(accounts, gains, rows)

    def _row(self, scope: int, day: int, index: int) -> list[tuple[int, int]]:
        row_hash = bytes(self.contract.row_at(scope, day, index))
        if not any(row_hash):
            return []
        if row_hash not in self._rows:
            raise ProtocolError(
                f"the node does not show the row of account {index} in task {scope}: name another"
            )
        return unpack_row(self._rows[row_hash])

    def _refresh(self) -> None:
        head = int(self.contract.web3.eth.block_number)
        if head < self._next:
            return
        for event in self.contract.events(RowStated, from_block=self._next, to_block=head):
            self._rows[keccak(event.row)[:_HASH]] = bytes(event.row)
            self._stated.setdefault(event.scope, set()).add(event.index)
        self._next = max(self._next, head - _READ_AGAIN)
