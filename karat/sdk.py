"""Karat for scripts: ``from karat import connect``.

>>> net = connect("local")                                  # doctest: +SKIP
>>> net.reputation.top(3)                                   # doctest: +SKIP
[('0x36df…', 0.0441), ('0x6016…', 0.0438), ('0x0b1f…', 0.0417)]

Everything is read from the chain when it is asked for; nothing is cached but what has been seen.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from web3 import Web3

from chain.evm.abi import Event
from chain.evm.addresses import checked_address
from chain.evm.node import connect_node
from chain.ledger.bindings.structs import TaskParams
from chain.ledger.client import Ledger, ReputationAnchor
from chain.ledger.profiles import Connection, load_profile
from chain.ledger.profiles import connect as connect_profile
from chain.store import Store, open_store
from karat.config import load_settings
from karat.errors import ConfigError, NotAvailable
from karat.protocol.content import Content
from karat.protocol.history import TaskHistory
from karat.protocol.rules import verdict_name
from karat.protocol.state import Round
from learning.score_codes import ZERO_SCORE

if TYPE_CHECKING:
    from karat.protocol.anchored import AnchoredProof
    from karat.protocol.state import Attestations
    from karat.protocol.task import Task as TaskContent
    from reputation import Scores
    from reputation.explain import Explanation


@dataclass(frozen=True)
class Update:
    """One revealed update; ``median`` and ``verdict`` are empty until the round is settled.

    ``weight`` is the score above zero that the payout follows from, in units of 2**-14 relative
    improvement; ``scores`` maps each verifier that revealed to its code.
    """

    round: int
    index: int
    trainer: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int | None
    verdict: str | None
    weight: int


@dataclass(frozen=True)
class Participant:
    """A member of a task. Amounts are in base units of the task's token."""

    address: str
    role: str
    stake: int
    reward: int
    slashed: int
    reputation: float


class TaskView:
    """One task."""

    def __init__(self, network: "Network", history: TaskHistory) -> None:
        self._network = network
        self.id = history.task_id
        self._history = history

    @property
    def history(self) -> TaskHistory:
        """Everything the chain says of the task, up to date."""
        self._history.refresh()
        return self._history

    @property
    def sponsor(self) -> str:
        """Who created and funds it."""
        return self.history.sponsor

    @property
    def params(self) -> TaskParams:
        """Its frozen rules.

        Raises:
            NotAvailable: there is no such task.
        """
        return self.history.params

    @property
    def rounds(self) -> list[Round]:
        """All rounds so far, oldest first."""
        return [current for _, current in sorted(self.history.rounds.items())]

    @property
    def updates(self) -> list[Update]:
        """All revealed updates so far, by round and index."""
        return [update for current in self.rounds for update in updates_of(current)]

    @property
    def participants(self) -> list[Participant]:
        """Verifiers and trainers, with what they hold, earned and lost."""
        from karat.protocol import reputation  # noqa: PLC0415 numerics take seconds to load

        history = self.history
        scores = reputation.scores(history)
        return [
            Participant(
                address=address,
                role=role,
                stake=self._network.ledger.member(self.id, address).stake,
                reward=history.account(address).earned,
                slashed=history.account(address).slashed,
                reputation=scores[address],
            )
            for role, members in (("verifier", history.verifiers), ("trainer", history.trainers))
            for address in members
        ]

    @cached_property
    def content(self) -> "TaskContent":
        """Specification, models and updates from the content store."""
        from karat.protocol.task import Task as TaskContent  # noqa: PLC0415 it brings in torch

        return TaskContent(self.history, self._network.store)


class Reputation:
    """MeritRank of a task's participants, and what is anchored of it."""

    def __init__(self, network: "Network", task_id: int | None = None) -> None:
        self._network = network
        self._task_id = task_id

    def __call__(self, task_id: int) -> "Reputation":
        """The same for another task."""
        return Reputation(self._network, task_id)

    @property
    def task(self) -> TaskView:
        """The task asked about: by default the ledger's latest."""
        latest = self._network.ledger.task_count() if self._task_id is None else self._task_id
        if latest == 0:
            raise NotAvailable("this ledger has no task yet")
        return self._network.task(latest)

    @property
    def anchor(self) -> ReputationAnchor:
        """The contract that holds the anchored roots."""
        return self._network.anchor

    def scores(
        self, ego: str | None = None, *, alpha: float = 0.15, beta: float = 0.0, gamma: float = 0.0
    ) -> "Scores":
        """Scores of all participants as seen by ``ego`` (the task's sponsor if None).

        Raises:
            reputation.errors.UnknownNodeError: ``ego`` takes no part in the task.
        """
        from karat.protocol import reputation  # noqa: PLC0415

        seen_by = None if ego is None else checked_address(ego)
        return reputation.scores(self.task.history, seen_by, alpha=alpha, beta=beta, gamma=gamma)

    def of(self, address: str, ego: str | None = None) -> float:
        """One participant's score."""
        scores = self.scores(ego)
        return scores[checked_address(address)]

    def top(self, k: int = 10, ego: str | None = None) -> list[tuple[str, float]]:
        """The ``k`` best, best first."""
        return [(str(node), score) for node, score in self.scores(ego).top(k)]

    def explain(self, address: str, ego: str | None = None, paths: int = 5) -> "Explanation":
        """Why a participant has its score: the main paths of trust, and what decays took.

        Raises:
            reputation.errors.UnknownNodeError: one of the two takes no part in the task.
        """
        from karat.protocol import reputation  # noqa: PLC0415
        from reputation import MeritRank  # noqa: PLC0415

        history = self.task.history
        seen_by = history.sponsor if ego is None else checked_address(ego)
        rank = MeritRank(reputation.trust_graph(history), alpha=float(reputation.ALPHA))
        return rank.explain(seen_by, checked_address(address), paths)

    def to_records(self, ego: str | None = None) -> list[dict[str, Any]]:
        """One dictionary per participant, for ``pandas.DataFrame``."""
        return [{"address": node, "score": score} for node, score in self.scores(ego).items()]

    def proof(self, address: str, epoch: int | None = None) -> "AnchoredProof":
        """The proof that an anchored epoch (the latest if None) holds a participant's score.

        Raises:
            NotAvailable: nothing is anchored.
            ProtocolError: what is anchored does not follow from the chain.
            reputation.errors.UnknownNodeError: the address took no part in the task then.
        """
        from karat.protocol.anchored import proof_of  # noqa: PLC0415

        history = self.task.history
        return proof_of(self.anchor, history, checked_address(address), epoch)

    def epochs(self) -> list["Attestations"]:
        """What verifiers attested of the task, oldest epoch first; the last may be undecided."""
        epochs = self.task.history.epochs
        return [epochs[number] for number in sorted(epochs)]


class Network:
    """A connection to one ledger."""

    def __init__(
        self,
        web3: Web3,
        ledger: Ledger,
        anchor: ReputationAnchor | None,
        store: str | None,
        from_block: int,
    ) -> None:
        self.web3 = web3
        self.ledger = ledger
        self.from_block = from_block
        self._anchor = anchor
        self._store_url = store
        self._tasks: dict[int, TaskView] = {}
        self.reputation = Reputation(self)

    @classmethod
    def of(cls, connection: Connection, store: str | None = None) -> "Network":
        """The network of a profile that is connected; ``store`` names the content store."""
        return cls(
            connection.web3,
            connection.ledger,
            connection.anchor,
            store,
            connection.profile.from_block,
        )

    @property
    def anchor(self) -> ReputationAnchor:
        """The reputation anchor; raises NotAvailable if none was named."""
        if self._anchor is None:
            raise NotAvailable('no reputation anchor was named: connect(…, anchor="0x…")')
        return self._anchor

    @cached_property
    def store(self) -> Store:
        """The content store; raises NotAvailable if none was named."""
        if self._store_url is None:
            raise NotAvailable('no content store was named: connect(…, store="local:PATH")')
        return open_store(self._store_url)

    @property
    def tasks(self) -> list[TaskView]:
        """All tasks of the ledger."""
        return [self._view(number) for number in range(1, self.ledger.task_count() + 1)]

    def task(self, task_id: int) -> TaskView:
        """One task by its id.

        Raises:
            NotAvailable: there is no such task.
        """
        if task_id not in self._tasks and not 1 <= task_id <= self.ledger.task_count():
            raise NotAvailable(f"there is no task {task_id} on this ledger")
        return self._view(task_id)

    def _view(self, task_id: int) -> TaskView:
        if task_id not in self._tasks:
            history = TaskHistory(
                self.ledger, task_id, anchor=self._anchor, from_block=self.from_block
            )
            self._tasks[task_id] = TaskView(self, history)
        return self._tasks[task_id]

    def events(self, *kinds: type[Event], from_block: int | None = None) -> Iterator[Event]:
        """The ledger's events of these kinds (all if none is named), in chain order."""
        start = self.from_block if from_block is None else from_block
        return self.ledger.events(*kinds, from_block=start)


def connect(
    network: str,
    *,
    ledger: str | None = None,
    anchor: str | None = None,
    store: str | None = None,
    from_block: int = 0,
) -> Network:
    """Connect to a network by the name of its profile, or by URL and address.

    Args:
        network: the name of a profile (``local`` after ``karat up``), or a node's JSON-RPC URL.
        ledger: with a URL: the ledger's address; its code is compared with the artifact.
        anchor: with a URL: the reputation anchor's address, if proofs are wanted, or scores
            that count what trainers say of one another.
        store: content store (``local:PATH`` or ``ipfs:URL``), if updates or models are wanted;
            with a profile the one in the settings.
        from_block: with a URL: the block the ledger was deployed in; saves time on a long chain.

    Raises:
        chain.errors.ProfileError: there is no such profile.
        chain.errors.BadAddress: what is given as an address is none.
        chain.errors.NodeUnreachable: nothing answers.
        chain.errors.ContractError: there is no such contract, or another one.
        karat.errors.ConfigError: a URL without a ledger.
    """
    if "://" not in network:
        profile = load_profile(network)
        return Network.of(connect_profile(profile), store or load_settings().store)
    if ledger is None:
        raise ConfigError(f'which ledger at {network}? connect("{network}", ledger="0x…")')
    web3 = connect_node(network)
    return Network(
        web3,
        Ledger.attach(web3, checked_address(ledger)),
        None if anchor is None else ReputationAnchor.attach(web3, checked_address(anchor)),
        store,
        from_block,
    )


def updates_of(current: Round) -> Iterator[Update]:
    """The revealed updates of a round, in index order."""
    for revealed in current.updates:
        code = current.medians[revealed.index] if current.medians else None
        yield Update(
            round=current.number,
            index=revealed.index,
            trainer=revealed.trainer,
            cid=str(Content(revealed.digest, revealed.size).cid),
            size=revealed.size,
            scores={v: codes[revealed.index] for v, codes in current.votes.items()},
            median=code,
            verdict=None if code is None else verdict_name(code),
            weight=0 if code is None else max(0, code - ZERO_SCORE),
        )


def to_records(items: list[Any]) -> list[dict[str, Any]]:
    """Dataclass objects as dictionaries, for ``pandas.DataFrame``."""
    return [asdict(item) for item in items]
