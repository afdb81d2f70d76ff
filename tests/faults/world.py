"""A network whose members are objects of this process, so that faults can be put anywhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from structlog.testing import LogCapture

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.memory import raw_transaction
from chain.evm.clock import Clock
from chain.evm.node import connect_node, rpc
from chain.evm.transactions import Sender
from chain.ledger.bindings.structs import RoundView
from chain.ledger.client import Ledger, ReputationAnchor, Token
from chain.store import open_store
from karat.money import Money
from karat.participants.daemon.follow import Following
from karat.participants.daemon.metrics import Metrics
from karat.participants.daemon.outbox import Outbox
from karat.participants.sponsor.taskfile import TaskFile
from karat.participants.trainer.daemon import TrainerDaemon
from karat.participants.trainer.data import shard_of
from karat.participants.trainer.work import TrainerWork
from karat.participants.verifier.daemon import VerifierDaemon
from karat.protocol.content import publish
from learning.training import initial_model

STAKE = 20 * 10**18
PEOPLE = dev_accounts(31, 8)
SPONSOR, VERIFIERS, TRAINERS = 0, (1, 2, 6), (3, 4, 5)
HOUR = "1h"


class Stakes(NamedTuple):
    """What members join with, in base units."""

    verifier: int = STAKE
    trainer: int = STAKE


AMPLE = Stakes()


class World:
    """One task on Anvil, three verifiers, three trainers; time moves by :meth:`warp` only.

    ``web3`` and ``ledger`` are this side's own view; members use the node at ``url``.
    """

    def __init__(
        self, devnet: Devnet, folder: Path, rounds: int, url: str | None, stakes: Stakes
    ) -> None:
        self.devnet, self._stakes = devnet, stakes
        self.web3 = connect_node(str(devnet.rpc_url))
        self.member_web3 = self.web3 if url is None else connect_node(url)
        self.logs = LogCapture()
        self._log = structlog.wrap_logger(
            structlog.ReturnLogger(), processors=[self.logs], wrapper_class=structlog.BoundLogger
        )
        self.senders = [Sender(self.member_web3, account, deadline=30) for account in PEOPLE]
        sponsor = Sender(self.web3, PEOPLE[SPONSOR])
        self.token = Token.deploy(sponsor)
        self.ledger = Ledger.deploy(sponsor)
        self.anchor = ReputationAnchor.deploy(sponsor, self.ledger.address)
        self.store = open_store(f"local:{folder / 'store'}")
        self._create(rounds)
        self.member_ledger = Ledger(self.member_web3, self.ledger.address)
        self.ready_at = int(self.web3.eth.block_number)
        self.trainers = {index: self.trainer(index) for index in TRAINERS}
        self.verifiers = {index: self.verifier(index) for index in VERIFIERS}

    def _create(self, rounds: int) -> None:
        for sender in self.senders:
            sender.send(self.token.mint(sender.address, 10**24))
            sender.send(self.token.approve(self.ledger.address, 2**255))
        file = TaskFile.model_validate(
            {
                "task": "mlp-digits",
                "rounds": rounds,
                "rewards": {"trainers": 10, "verifiers": 1},
                "stakes": {"trainer": 5, "verifier": 8},
                "windows": {
                    "commit": HOUR,
                    "reveal": HOUR,
                    "score_commit": HOUR,
                    "score_reveal": HOUR,
                    "attest": 60,
                },
                "verifiers": [{"account": PEOPLE[index].address} for index in VERIFIERS],
            }
        )
        money, self.spec = Money.of(self.token), file.spec()
        contents = [
            publish(self.store, data, owner="sponsor")
            for data in (self.spec.to_bytes(), initial_model(self.spec).to_bytes())
        ]
        rules = file.params(self.token.address, money, *contents)
        grants = file.grants(lambda account: account)
        self.senders[SPONSOR].send(self.ledger.create_task(rules, file.escrow(money), grants))
        agreed = self.ledger.rules_hash(1)
        for index in VERIFIERS:
            self.senders[index].send(self.ledger.join_verifier(1, agreed, self._stakes.verifier))
        for index in TRAINERS:
            self.senders[index].send(self.ledger.join_trainer(1, agreed, self._stakes.trainer))

    def trainer(self, index: int, *, most_top_up: int = 0) -> TrainerDaemon:
        """A trainer's daemon, as if started just now."""
        sender = self.senders[index]
        following = Following(self.member_ledger, 1, self.store, 0)
        work = TrainerWork(self.member_ledger, following, sender, "cpu")
        outbox = Outbox(sender, self._log.bind(who=index), Metrics("trainer"))
        data = shard_of(self.spec, f"{index - 2}/{len(TRAINERS)}")
        return TrainerDaemon(work, data, outbox, Clock(self.member_web3), most_top_up)

    def verifier(self, index: int, *, most_top_up: int = 0) -> VerifierDaemon:
        """A verifier's daemon, as if started just now."""
        sender = self.senders[index]
        following = Following(self.member_ledger, 1, self.store, 0)
        anchor = ReputationAnchor(self.member_web3, self.anchor.address)
        outbox = Outbox(sender, self._log.bind(who=index), Metrics("verifier"))
        return VerifierDaemon(
            self.member_ledger,
            anchor,
            following,
            outbox,
            "cpu",
            Clock(self.member_web3),
            most_top_up,
        )

    def info(self, number: int = 1) -> RoundView:
        """The contract's own view of a round."""
        return self.ledger.round_info(1, number)

    def stake(self, index: int) -> int:
        """What a member has at stake."""
        return self.ledger.member(1, PEOPLE[index].address).stake

    def top_up(self, index: int, amount: int) -> None:
        """Add base units to a member's stake."""
        sender = self.senders[index]
        agreed = self.ledger.rules_hash(1)
        sender.send(self.ledger.top_up(1, agreed, sender.address, amount))

    def warp(self, timestamp: int) -> None:
        """Mine a block at a time (seconds), if it is still to come."""
        if timestamp > self.devnet.timestamp:
            self.devnet.warp_to(timestamp)

    def raw(self, number: int) -> list[str]:
        """A block's transactions as they were signed."""
        block: Any = self.web3.eth.get_block(number, full_transactions=True)
        return ["0x" + raw_transaction(dict(one)).hex() for one in block["transactions"]]

    def reorganise(self, first: int, *, shift: int) -> None:
        """Undo the blocks from ``first`` on and mine what they held again, ``shift`` s later.

        The chain ends with one more block than before; all of the new ones are others.
        """
        head = int(self.web3.eth.block_number)
        again = [
            (int(self.web3.eth.get_block(number)["timestamp"]) + shift, self.raw(number))
            for number in range(first, head + 1)
        ]
        rpc(self.web3, "anvil_rollback", head - first + 1)
        rpc(self.web3, "evm_setAutomine", False)
        self.warp(again[0][0] - 1)
        for timestamp, raws in again:
            for raw in raws:
                rpc(self.web3, "eth_sendRawTransaction", raw)
            self.devnet.mine(max(timestamp, self.devnet.timestamp + 1))
        rpc(self.web3, "evm_setAutomine", True)


@contextmanager
def direct(url: str) -> Iterator[str]:
    """Nothing stands before the node."""
    yield url


@contextmanager
def world(
    folder: Path,
    *,
    rounds: int = 2,
    before: Callable[[str], AbstractContextManager[str]] = direct,
    stakes: Stakes = AMPLE,
) -> Iterator[World]:
    """A fresh network; the caller sets ``KARAT_DATA_DIR``. ``before`` puts a node before Anvil.

    Members join with ``stakes``.
    """
    addresses: Sequence[str] = [account.address for account in PEOPLE]
    with (
        start_devnet("anvil", accounts=addresses) as devnet,
        before(str(devnet.rpc_url)) as url,
    ):
        yield World(devnet, folder, rounds, url, stakes)
