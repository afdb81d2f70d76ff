"""What a task costs its parties in gas: its rounds are rehearsed on a private chain.

Every transaction that the daemons would send is sent there, with made-up updates and scores, so
that the figures are those of the contracts in this package, and come from receipts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.batch import send_batch
from chain.errors import NodeMissing
from chain.evm.abi import Call
from chain.evm.fees import price_now
from chain.evm.limits import GWEI, in_ether
from chain.evm.transactions import GasLog, Sender
from chain.ledger.bindings.structs import Statement, TaskParams, VerifierGrant
from chain.ledger.client import Ledger, ReputationAnchor, Token
from chain.ledger.commitments import (
    mixture_bytes,
    pack_scores,
    score_commitment,
    update_commitment,
    vector_hash,
)
from karat.errors import ConfigError
from karat.money import Money
from karat.participants import membership
from karat.participants.sponsor.taskfile import TaskFile, Windows, load_task_file
from karat.participants.trainer.records import RING, Records
from karat.protocol.content import Content
from karat.protocol.history import TaskHistory
from karat.protocol.rounds import due_calls
from karat.sdk.documents import OperationCost, PartyCost, TaskCost
from learning.score_codes import ZERO_SCORE

if TYPE_CHECKING:
    from karat.sdk.network import Network

_SEED = 77  # of the public keys that play
_TASK = 2  # played is the second one of the ledger, whose storage is in use
_DAY = 86_400
_SALT, _DIGEST = bytes([1] * 32), bytes([2] * 32)
_SIZE = 50_000  # bytes of a made-up update


def rehearse(
    spec: TaskFile | Path | str,
    *,
    trainers: int = 10,
    gas_price: Decimal | None = None,
    network: "Network | None" = None,
) -> TaskCost:
    """Play a task's rounds on a private chain, and count what each party pays.

    Rounds are counted as the daemons play them in the long run: once everybody's storage is in
    use, and with a claim in every fifth commit.

    Args:
        spec: a task file.
        trainers: who take part in every round, up to the task's ``max_trainers``.
        gas_price: in gwei; of ``network`` now if None.
        network: where the task would be created; without it and a price there is no ether.

    Raises:
        ConfigError: the file is wrong, or has room for fewer trainers.
        NodeMissing: neither Anvil nor the embedded chain is installed.
    """
    file = spec if isinstance(spec, TaskFile) else load_task_file(Path(spec))
    if not 1 <= trainers <= file.max_trainers:
        raise ConfigError(f"the task takes 1 to {file.max_trainers} trainers, not {trainers}")
    price = None if gas_price is None else int(gas_price * GWEI)
    if price is None and network is not None:
        price = price_now(network.web3)
    with _private_chain() as devnet:
        parties = _Rehearsal(devnet, file, trainers).play(price)
    return TaskCost(
        task=file.task,
        rounds=file.rounds,
        trainers=trainers,
        verifiers=file.seats,
        gas_price=price,
        parties=parties,
    )


@contextmanager
def _private_chain() -> Iterator[Devnet]:
    try:
        devnet = start_devnet("anvil", mining="manual")
    except NodeMissing:
        devnet = start_devnet("embedded", mining="manual")
    with devnet:
        yield devnet


class _Rehearsal:
    """A task, and everybody who takes part."""

    def __init__(self, devnet: Devnet, file: TaskFile, trainers: int) -> None:
        self.devnet, self.file = devnet, file
        appointed = [] if file.open_verifiers else [grant.weight for grant in file.verifiers]
        weights = appointed or [1] * file.seats
        people = dev_accounts(_SEED, 3 + len(weights) + trainers)
        for one in people:
            devnet.set_balance(one.address, 10**24)
        senders = [Sender(devnet.web3, one, mine=devnet.mine) for one in people]
        self.deployer, self.sponsor, self.anyone = senders[:3]
        self.verifiers, self.trainers = senders[3 : 3 + len(weights)], senders[3 + len(weights) :]
        self.parties = {
            "sponsor": [self.sponsor],
            "trainer": self.trainers,
            "verifier": self.verifiers,
            "anyone": [self.anyone],
        }
        self.token = Token.deploy(self.deployer)
        self.ledger = Ledger.deploy(self.deployer)
        self.anchor = ReputationAnchor.deploy(self.deployer, self.ledger.address)
        self._act([(self.deployer, self.token.mint(one.address, 2**110)) for one in senders])
        grants = zip(self.verifiers, appointed, strict=False)  # nobody where anyone may join
        self.grants = [VerifierGrant(one.address, weight) for one, weight in grants]

    def play(self, price: int | None) -> list[PartyCost]:
        """Create the task and play as many rounds as a ring of records spans, and one before."""
        once = self._logs()
        self._create()
        self._logs()
        self._round(1)  # whose storage is new
        rounds = self._logs()
        for number in range(2, 2 + RING):
            self._round(number)
        return [
            _cost(name, len(members), once[name], rounds[name], self.file.rounds, price)
            for name, members in self.parties.items()
        ]

    def _logs(self) -> dict[str, GasLog]:
        """New records of gas, one for each party, for what is sent from now on."""
        logs = {name: GasLog() for name in self.parties}
        for name, members in self.parties.items():
            for sender in members:
                sender.gas_log = logs[name]
        return logs

    def _act(self, calls: Sequence[tuple[Sender, Call[Any]]]) -> None:
        if calls:
            send_batch(self.devnet, calls)

    def _create(self) -> None:
        ledger, money = self.ledger, Money.of(self.token)
        params, escrow = self._params(money), 2 * RING * self.file.escrow(money)
        for one in (self.deployer, self.sponsor):
            for call in (
                *membership.deposit(ledger, self.token, one.address, escrow),
                ledger.create_task(params, escrow, self.grants),
            ):
                self._act([(one, call)])
        self.history = TaskHistory(ledger, _TASK)
        agreed = ledger.rules_hash(_TASK)
        for role, members in (("verifier", self.verifiers), ("trainer", self.trainers)):
            stake = params.verifier_stake if role == "verifier" else params.trainer_stake
            for sender in members:
                amount = membership.with_margin(stake)
                for call in membership.join(
                    ledger, self.token, _TASK, agreed, role, sender.address, amount
                ):
                    self._act([(sender, call)])

    def _params(self, money: Money) -> TaskParams:
        """The task's rules, with windows in which everything that is sent fits."""
        windows = Windows(
            commit=_DAY,
            reveal=_DAY,
            score_commit=_DAY,
            score_reveal=_DAY,
            appeal=_DAY if self.file.windows.appeal else 0,
        )
        file = self.file.model_copy(update={"windows": windows, "rounds": 2 * RING})
        content = Content(_DIGEST, _SIZE)
        return file.params(self.token.address, money, content, content)

    def _round(self, number: int) -> None:
        ledger = self.ledger
        self._act([(self.anyone, ledger.open_round(_TASK))])
        self._act([(one, self._commit(number, one)) for one in self.trainers])
        self.devnet.warp_to(ledger.round_info(_TASK, number).commit_deadline)
        self._act(
            [(one, ledger.reveal(_TASK, number, _DIGEST, _SIZE, _SALT)) for one in self.trainers]
        )
        self.devnet.warp_to(ledger.round_info(_TASK, number).reveal_deadline)
        self._move_on()
        self._vote(number)
        self._move_on()
        if self.file.windows.appeal:
            self.devnet.increase_time(_DAY)
        self._attest(number)

    def _commit(self, number: int, trainer: Sender) -> Call[Any]:
        key = self.ledger.round_key(_TASK, number)
        sealed = update_commitment(key, trainer.address, _DIGEST, _SIZE, _SALT)
        room = Records(self.ledger, _TASK, trainer.address).room_calls(number)
        return self.ledger.batch([*room, self.ledger.commit(_TASK, number, sealed)])

    def _move_on(self) -> None:
        for call in due_calls(self.ledger, self.history):
            self._act([(self.anyone, call)])

    def _committee(self, number: int) -> list[Sender]:
        drawn = self.ledger.committee(_TASK, number).verifiers
        return [one for one in self.verifiers if one.address in drawn]

    def _vote(self, number: int) -> None:
        ledger, key = self.ledger, self.ledger.round_key(_TASK, number)
        words = pack_scores([ZERO_SCORE + 100 + index for index in range(len(self.trainers))])
        hashed, committee = vector_hash(words), self._committee(number)
        mixture = b"\x01" * mixture_bytes(len(self.trainers))
        self._act(
            [
                (one, ledger.commit_scores(_TASK, number, sealed))
                for one in committee
                for sealed in [score_commitment(key, one.address, hashed, mixture, _DIGEST, _SALT)]
            ]
        )
        self._act(
            [
                (one, ledger.reveal_scores(_TASK, number, words, mixture, _DIGEST, _SALT))
                for one in committee
            ]
        )

    def _attest(self, number: int) -> None:
        committee = self._committee(number)
        self._act(
            [(one, self.ledger.attest_model(_TASK, number, _DIGEST, _SIZE)) for one in committee]
        )
        self.devnet.mine()
        statement = Statement(
            root=_DIGEST,
            graph_digest=_DIGEST,
            document_digest=_DIGEST,
            ego=self.sponsor.address,
            alpha_numerator=1,
            alpha_denominator=3,
            nodes=1 + len(self.trainers) + len(self.verifiers),
            from_block=1,
            to_block=int(self.devnet.web3.eth.block_number) - 1,
        )
        for one in self.verifiers:  # until most of them have
            if self.anchor.last_epoch(_TASK) < number:
                self._act([(one, self.anchor.attest(_TASK, number, statement))])


def _cost(
    name: str, members: int, begun: GasLog, played: GasLog, length: int, price: int | None
) -> PartyCost:
    """What one member of a party pays."""
    once, each = _operations(begun, members), _operations(played, RING * members)
    sums = [round(sum(one.gas * one.times for one in part)) for part in (once, each)]
    gas = sums[0] + length * sums[1]
    return PartyCost(
        party=name,
        once=once,
        round=each,
        once_gas=sums[0],
        round_gas=sums[1],
        task_gas=gas,
        round_ether=None if price is None else in_ether(sums[1] * price),
        task_ether=None if price is None else in_ether(gas * price),
    )


def _operations(log: GasLog, shares: int) -> list[OperationCost]:
    """The mean gas of each operation, and how often one member sends it."""
    return [
        OperationCost(
            operation=operation, gas=round(used["mean"]), times=round(used["count"] / shares, 3)
        )
        for operation, used in log.summary().items()
    ]
