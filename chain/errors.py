"""Exceptions of ``chain``, as a tree.

::

    ChainError(karat.errors.KaratError)
    ├── NodeError                  the node, not the transaction
    │   ├── NodeUnreachable        nothing answers at the URL
    │   │   └── NodeBusy           it limits requests, or is out of order for now
    │   ├── NodeInconsistent       its logs and its contracts' state contradict each other
    │   ├── MalformedAnswer        what it answered is not what the method gives
    │   │   └── AnswerTooLarge     the answer is longer than allowed
    │   ├── NodeStartError         a local node did not come up
    │   │   ├── NodeMissing        its program is not installed
    │   │   └── PortBusy           another program listens on the port asked for
    │   ├── NodeDied               a local node went away while in use
    │   └── RpcError               the node answered with an error (method, code, message)
    │       └── NodeBehind         it does not know the block that was asked for (yet)
    ├── WrongChain                 the node serves another chain id than expected
    ├── TransactionError
    │   ├── FeeTooHigh             it would cost more than the limits allow: not sent
    │   ├── TransactionRejected    the node refused to take it (funds, nonce, fee)
    │   ├── TransactionReverted    the contract refused it (error name, arguments)
    │   ├── TransactionStuck       not mined before the deadline
    │   └── TransactionReplaced    another transaction took its nonce
    ├── ContractError              no contract at the address, or other code than the artifact's
    ├── BadAddress                 no address, or a mistyped one
    ├── BadCommitment              numbers that no commitment or score vector can hold
    ├── KeystoreError              keystore file or password
    │   ├── UnknownAccount         no key for the name or address
    │   └── WrongPassword          the password does not open the keystore
    ├── LockBusy                   another process does not give up a lock
    ├── ProfileError               a network profile is unknown or not valid
    ├── BuildError                 the contracts do not compile, or the compiler is missing
    └── EventIndexError            the event index cannot be read or follows another ledger
"""

from collections.abc import Mapping
from typing import Any

# The one place where `chain` reaches up: its errors are Karat's (see CONTRIBUTING).
from karat.errors import Exit as Exit  # noqa: PLC0414 - for the rest of `chain`
from karat.errors import Hint as Hint  # noqa: PLC0414
from karat.errors import KaratError


class ChainError(KaratError):
    """Base of everything that ``chain`` raises on purpose."""


class NodeError(ChainError):
    """The node is missing, silent, dead, or answers with an error."""

    exit_code = Exit.UNREACHABLE


class NodeUnreachable(NodeError):
    """Nothing answers at the node's URL."""


class NodeBusy(NodeUnreachable):
    """The node limits requests, or is out of order for now.

    ``retry_after`` is how many seconds it asks to be left alone, if it says so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NodeInconsistent(NodeError):
    """A node's logs and the state of its contracts contradict each other: it hides something."""


class MalformedAnswer(NodeError):
    """What the node answered is not what the method gives."""


class AnswerTooLarge(MalformedAnswer):
    """The node's answer is longer than allowed."""


class NodeStartError(NodeError):
    """A local node did not come up; the message ends with its last log lines."""


class NodeMissing(NodeStartError):
    """The program of a local node is not installed."""


class PortBusy(NodeStartError):
    """Another program already listens on the port that was asked for."""


class NodeDied(NodeError):
    """A local node went away while in use."""


class RpcError(NodeError):
    """The node answered a request with an error."""

    exit_code = Exit.FAILURE  # it was reached, and said no

    def __init__(self, method: str, code: int, message: str, data: str | None = None) -> None:
        super().__init__(f"the node refused {method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.reason = message
        self.data = data


class NodeBehind(RpcError):
    """The node does not know the block that it was asked about: it lags behind another one."""


class WrongChain(ChainError):
    """The node serves another chain than the one that was expected."""

    exit_code = Exit.CONFIG

    def __init__(self, url: str, expected: int, found: int) -> None:
        super().__init__(
            f"the node at {url} serves chain id {found}, but {expected} was expected; "
            "point the network profile at the right node, or correct its chain_id"
        )
        self.expected = expected
        self.found = found


class TransactionError(ChainError):
    """A transaction did not do what it was sent for."""


class TransactionRejected(TransactionError):
    """The node refused to take the transaction; it was never mined."""

    exit_code = Exit.REVERTED


class FeeTooHigh(TransactionError):
    """The transaction would cost more than the limits allow; nothing was signed."""

    exit_code = Exit.CONFIG


class TransactionReverted(TransactionError):
    """The contract refused the transaction.

    ``error`` is the name of the Solidity error (``Error`` for a reason string, ``Panic`` for a
    failed assertion, empty if nothing came back), ``arguments`` its arguments by name,
    ``transaction_hash`` is None when the refusal was found by simulation, before sending.
    The generated bindings raise a subclass for each custom error.
    """

    exit_code = Exit.REVERTED

    def __init__(
        self,
        message: str,
        *,
        error: str = "",
        arguments: Mapping[str, Any] | None = None,
        operation: str = "",
        transaction_hash: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error
        self.arguments = dict(arguments or {})
        self.operation = operation
        self.transaction_hash = transaction_hash


class TransactionStuck(TransactionError):
    """The transaction was not mined before the deadline; it may still be."""

    def __init__(self, message: str, transaction_hash: str, nonce: int) -> None:
        super().__init__(message)
        self.transaction_hash = transaction_hash
        self.nonce = nonce


class TransactionReplaced(TransactionError):
    """Another transaction of the same account took the nonce."""


class ContractError(ChainError):
    """No contract at the address, or code that is not the artifact's."""

    exit_code = Exit.CONFIG


class BadAddress(ChainError, ValueError):
    """What was written is no address, or its checksum says that it was mistyped."""

    exit_code = Exit.CONFIG


class BadCommitment(ChainError, ValueError):
    """A value that no commitment or packed score vector can hold."""

    exit_code = Exit.USAGE


class KeystoreError(ChainError):
    """A keystore file cannot be read, written or opened."""

    exit_code = Exit.CONFIG


class UnknownAccount(KeystoreError):
    """No key is stored for this name or address."""


class WrongPassword(KeystoreError):
    """The password does not open the keystore."""


class LockBusy(ChainError):
    """Another process holds a lock and does not give it up."""


class ProfileError(ChainError):
    """A network profile is unknown or not valid."""

    exit_code = Exit.CONFIG


class EventIndexError(ChainError):
    """The event index cannot be read, or follows another ledger."""


class BuildError(ChainError):
    """The contracts do not compile, or the compiler is missing or of another version."""
