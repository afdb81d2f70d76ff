"""A connection to one ledger: what is there, and what an account does there."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from web3 import Web3

from chain.devnet.clock import clock_of
from chain.devnet.faucet import bank_of, fund
from chain.evm.abi import Event
from chain.evm.clock import Clock
from chain.evm.limits import DEFAULT_LIMITS, FeeLimits
from chain.evm.transactions import Sender
from chain.ledger.bindings.ledger_events import TaskCreated as TaskCreatedEvent
from chain.ledger.client import Ledger, ReputationAnchor, StandingAnchor, Token
from chain.ledger.profiles import Connection, Profile
from chain.store import Store, open_store
from karat.config import MEMORY
from karat.errors import ConfigError, NotAvailable
from karat.money import Money
from karat.protocol.history import TaskHistory
from karat.protocol.indexed import Indexed
from karat.sdk.accounts import Accounts
from karat.sdk.documents import AccountFunded, Status, TaskCreated, TaskEntry, TaskList
from karat.sdk.event_index import open_index
from karat.sdk.plan import Outcome, Plan
from karat.sdk.reputation import Reputation
from karat.sdk.task import Task

if TYPE_CHECKING:
    from karat.participants.daemon.follow import Following
    from karat.participants.sponsor.taskfile import TaskFile


class Network:
    """A connection to one ledger, with an account that acts on it.

    What only reads needs no account. Everything is read from the chain when it is asked for;
    nothing is kept but what has been seen.
    """

    def __init__(
        self,
        web3: Web3,
        ledger: Ledger,
        anchor: ReputationAnchor | None,
        store: str | None,
        from_block: int,
        *,
        profile: Profile | None = None,
        accounts: Accounts | None = None,
        device: str = "auto",
        limits: FeeLimits = DEFAULT_LIMITS,
        standings: StandingAnchor | None = None,
        index: Indexed | None = None,
        memory: int = MEMORY << 20,
    ) -> None:
        self.web3 = web3
        self.ledger = ledger
        self.from_block = from_block
        self.device = device
        self._limits = limits
        self._profile = profile
        self._accounts = accounts
        self._anchor = anchor
        self.standings_or_none = standings
        """The anchor of standings, if one was named."""
        self._memory = memory
        self.index = index
        """The event index that histories are read from, if there is one."""
        self._store_url = store
        self._tasks: dict[int, Task] = {}
        self.reputation = Reputation(self)

    @classmethod
    def of(
        cls,
        connection: Connection,
        store: str | None = None,
        *,
        accounts: Accounts | None = None,
        device: str = "auto",
        limits: FeeLimits = DEFAULT_LIMITS,
        index: str | None = None,
        memory: int = MEMORY << 20,
    ) -> "Network":
        """The network of a profile that is connected.

        ``store`` names the content store, ``index`` the database of the event index: a file, or
        a URL of SQLite or PostgreSQL; a file for this ledger in the data folder if None.
        ``memory``: bytes that decoded updates may take.
        """
        profile = connection.profile
        return cls(
            connection.web3,
            connection.ledger,
            connection.anchor,
            store,
            profile.from_block,
            profile=profile,
            accounts=accounts,
            device=device,
            limits=limits,
            standings=connection.standings,
            index=Indexed(lambda: open_index(connection, index)),
            memory=memory,
        )

    # --- what it is ----------------------------------------------------------------------------

    @property
    def profile(self) -> Profile:
        """Where its node and contracts are; raises NotAvailable if it was made by hand."""
        if self._profile is None:
            raise NotAvailable("this network was made of its parts, and has no profile")
        return self._profile

    @property
    def is_devnet(self) -> bool:
        """Whether it is a devnet, where nothing is anybody's money."""
        return self._profile is not None and self._profile.is_devnet

    @property
    def anchor(self) -> ReputationAnchor:
        """The reputation anchor.

        Raises:
            ConfigError: none was named.
        """
        if self._anchor is None and self._profile is not None:
            raise ConfigError(
                f"the network {self._profile.name!r} names no anchor; its profile can name one"
            )
        if self._anchor is None:
            raise ConfigError('no reputation anchor was named: connect(…, anchor="0x…")')
        return self._anchor

    @property
    def anchor_or_none(self) -> ReputationAnchor | None:
        """The reputation anchor, if one was named."""
        return self._anchor

    @property
    def standings(self) -> StandingAnchor:
        """The anchor of standings that need no trust.

        Raises:
            ConfigError: the network's profile names none.
        """
        if self.standings_or_none is None:
            raise ConfigError("this network names no standing anchor; its profile can name one")
        return self.standings_or_none

    @cached_property
    def store(self) -> Store:
        """The content store; raises NotAvailable if none was named."""
        if self._store_url is None:
            raise NotAvailable('no content store was named: connect(…, store="local:PATH")')
        return open_store(self._store_url)

    @property
    def store_url(self) -> str | None:
        """The content store's name."""
        return self._store_url

    @cached_property
    def clock(self) -> Clock:
        """The chain's time; on a devnet one that moves it while nobody else does."""
        return clock_of(self._connection()) if self.is_devnet else Clock(self.web3)

    @property
    def poll_seconds(self) -> float:
        """How often whoever waits looks at the chain."""
        return 0.5 if self.is_devnet else 4.0

    @property
    def longest_poll_seconds(self) -> float:
        """How rarely, where nothing is to be done for long; a devnet's clock may be moved on."""
        return 4.0 if self.is_devnet else 240.0

    def status(self) -> Status:
        """Node, head, contracts, tasks."""
        from karat.sdk.devnet import LOCAL, background  # noqa: PLC0415 - it imports this module

        head = self.web3.eth.get_block("latest")
        local = background() if self.profile.name == LOCAL else None
        fields = self.profile.model_dump(exclude={"name", "kind", "rpc_url", "more_rpc_urls"})
        return Status(
            **fields,
            rpc_url=self.profile.shown_url,
            network=self.profile.name,
            block=int(head["number"]),
            timestamp=int(head["timestamp"]),
            tasks=self.ledger.task_count(),
            node=local.settings.kind if local else None,
            pid=local.pid if local else None,
        )

    def events(self, *kinds: type[Event], from_block: int | None = None) -> Iterator[Event]:
        """The ledger's events of these kinds (all if none is named), in chain order."""
        start = self.from_block if from_block is None else from_block
        return self.ledger.events(*kinds, from_block=start)

    def following(self, task_id: int) -> "Following":
        """A task as daemons follow it, with its content.

        Raises:
            NotAvailable: no content store was named.
        """
        from karat.participants.daemon.follow import Following  # noqa: PLC0415 - brings in torch

        return Following(
            self.ledger, task_id, self.store, self.from_block, self.index, self._memory
        )

    # --- who acts ------------------------------------------------------------------------------

    @property
    def accounts(self) -> Accounts:
        """The accounts of this machine; raises NotAvailable if the network was made by hand."""
        if self._accounts is None:
            raise NotAvailable("this network was made without accounts; connect(…) has them")
        return self._accounts

    @property
    def address(self) -> str:
        """The address of the account that acts.

        Raises:
            ConfigError: none is chosen.
            UnknownAccount: there is no such account.
        """
        return self.accounts.address

    @cached_property
    def sender(self) -> Sender:
        """Sends the account's transactions.

        Raises:
            ConfigError: no account is chosen, or there is no password.
            KeystoreError: the key cannot be opened.
        """
        return Sender(self.web3, self.accounts.unlocked, limits=self._limits)

    def open_sender(self) -> Sender:
        """The same, for a plan to call once it is sent."""
        return self.sender

    def require_faucet(self) -> None:
        """Check that accounts can be funded here.

        Raises:
            KeystoreError: the network is a live one.
            ConfigError: it names no token.
        """
        bank_of(self._connection())

    def fund(self, name: str) -> AccountFunded:
        """On a devnet: give an account 10 ether and 100,000 dev tokens.

        Raises:
            KeystoreError: the network is a live one.
            ConfigError: it names no token.
            BadAddress, UnknownAccount: see :meth:`Accounts.address_of`.
        """
        address = self.accounts.address_of(name)
        fund(self._connection(), [address])
        return AccountFunded(address=address)

    def _connection(self) -> Connection:
        profile = self.profile
        token = Token(self.web3, profile.token) if profile.token else None
        return Connection(
            profile, self.web3, self.ledger, self._anchor, self.standings_or_none, token
        )

    # --- tasks ---------------------------------------------------------------------------------

    @property
    def tasks(self) -> list[Task]:
        """All tasks of the ledger."""
        return [self._view(number) for number in range(1, self.ledger.task_count() + 1)]

    def task(self, task_id: int) -> Task:
        """One task by its id.

        Raises:
            NotAvailable: there is no such task.
        """
        if task_id not in self._tasks and not 1 <= task_id <= self.ledger.task_count():
            raise NotAvailable(f"there is no task {task_id} on this ledger")
        return self._view(task_id)

    def list_tasks(self) -> TaskList:
        """All tasks, in a line each; reads no events."""
        entries = []
        for number in range(1, self.ledger.task_count() + 1):
            state, params = self.ledger.task(number), self.ledger.task_params(number)
            entries.append(
                TaskEntry(
                    task=number,
                    sponsor=state.sponsor,
                    closed=state.closed,
                    round=state.current_round,
                    rounds=params.max_rounds,
                    trainers=state.trainers,
                    escrow=state.escrow,
                )
            )
        return TaskList(tasks=entries)

    def create_task(self, spec: "TaskFile | Path | str | dict[str, Any]") -> Plan[TaskCreated]:
        """Create a task: escrow its rewards, appoint its verifiers, publish its files.

        Args:
            spec: a task file, as an object, the path of a TOML file, or its contents as a dict;
                see :mod:`karat.participants.sponsor.taskfile`.

        Raises:
            ConfigError: the file is wrong, names no usable token, or the account has not enough.
        """
        from karat.participants.sponsor.calls import new_task  # noqa: PLC0415 - brings in torch
        from karat.participants.sponsor.taskfile import TaskFile, load_task_file  # noqa: PLC0415

        if isinstance(spec, Path | str):
            spec = load_task_file(Path(spec))
        file = TaskFile(**spec) if isinstance(spec, dict) else spec
        address = file.token or (self._profile.token if self._profile else None)
        if address is None:
            raise ConfigError("token: the network names none, so the task file must")
        sponsor = self.address
        token = Token(self.web3, address)
        new = new_task(file, self.ledger, token, sponsor, self.accounts.address_of)

        def result(done: Outcome) -> TaskCreated:
            made = [
                event.task_id
                for receipt in done.receipts
                for event in self.ledger.events_in(receipt, TaskCreatedEvent)
            ]
            return TaskCreated(
                **done.fields,
                task=made[0] if made else None,
                name=new.name,
                escrow=new.escrow,
                verifiers=new.verifiers,
            )

        rounds = "1 round" if file.rounds == 1 else f"{file.rounds} rounds"
        return Plan(
            f"escrow {new.money.show(new.escrow)} for {rounds}",
            tuple(new.calls),
            self.open_sender,
            result,
            lambda: new.publish(self.store, sponsor),
        )

    def money(self, token: str) -> Money:
        """The unit of a token."""
        return Money.of(Token(self.web3, token))

    def _view(self, task_id: int) -> Task:
        if task_id not in self._tasks:
            history = TaskHistory(
                self.ledger,
                task_id,
                anchor=self._anchor,
                from_block=self.from_block,
                index=self.index,
            )
            self._tasks[task_id] = Task(self, history)
        return self._tasks[task_id]
