"""A sponsor's calls: create a task from its file, and pay into it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.errors import ContractError, TransactionReverted
from chain.evm.abi import Call
from chain.ledger.client import Ledger, Token
from chain.store import Store
from karat.errors import ConfigError
from karat.money import Money
from karat.participants.membership import deposit
from karat.participants.sponsor.taskfile import TaskFile
from karat.protocol.content import Content, publish
from learning.tasks import bundle
from learning.training import initial_model


@dataclass(frozen=True)
class NewTask:
    """A task that is about to be created: what it costs, and what must be published first."""

    calls: list[Call[Any]]
    escrow: int
    money: Money
    verifiers: list[str]
    files: tuple[bytes, ...]
    """The specification, the first model, and what else the specification names."""
    name: str

    def publish(self, store: Store, owner: str) -> None:
        """Store the files; raises :class:`chain.store.errors.StoreError`."""
        for data in self.files:
            publish(store, data, owner=owner)


def new_task(
    file: TaskFile, ledger: Ledger, token: Token, sponsor: str, address_of: Callable[[str], str]
) -> NewTask:
    """The calls that create a task as its file says.

    Raises:
        ConfigError: the token is none, or the sponsor has not enough of it.
        UnknownAccount: a verifier is none that ``address_of`` knows.
    """
    try:
        money = Money.of(token)
    except (ContractError, TransactionReverted) as error:
        raise ConfigError(f"token: there is no ERC-20 token at {token.address}") from error
    spec = file.spec()
    files = (spec.to_bytes(), initial_model(spec).to_bytes())
    parts = bundle.held(spec).values() if spec.bundle else ()
    escrow, grants = file.escrow(money), file.grants(address_of)
    params = file.params(token.address, money, *map(Content.of, files))
    calls = [
        *deposit(ledger, token, sponsor, escrow),
        ledger.create_task(params, escrow, grants),
    ]
    verifiers = [grant.verifier for grant in grants]
    return NewTask(calls, escrow, money, verifiers, (*files, *parts), spec.name)
