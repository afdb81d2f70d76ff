"""The demo's chain: a devnet with the contracts on it, and everyone's accounts funded."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from web3.types import TxReceipt

from chain.devnet import Devnet, start_devnet
from chain.devnet.batch import send_batch
from chain.evm.abi import Call
from chain.evm.transactions import GasLog, Sender
from chain.ledger.bindings.ledger_events import TaskCreated
from chain.ledger.bindings.structs import TaskParams, VerifierGrant
from chain.ledger.client import Ledger, ReputationAnchor, Token
from karat.demo import config as rules
from karat.demo.cast import Cast, Member
from karat.demo.config import DemoConfig
from karat.protocol.content import Content
from learning.scores import GRID

WINDOW = 60  # seconds of every phase; the demo moves the clock itself


@dataclass
class Stage:
    """Chain, contracts and a sender for each account."""

    devnet: Devnet
    ledger: Ledger
    anchor: ReputationAnchor
    token: Token
    senders: dict[str, Sender]
    gas: GasLog

    def act(self, calls: Iterable[tuple[Member, Call[Any]]]) -> list[TxReceipt]:
        """Mine these calls, in this order, in the next block."""
        batch = [(self.senders[member.name], call) for member, call in calls]
        return send_batch(self.devnet, batch) if batch else []

    def after(self, deadline: int) -> None:
        """Move the chain's clock past a deadline."""
        if self.devnet.timestamp <= deadline:
            self.devnet.warp_to(deadline + 1)


@contextmanager
def stage(config: DemoConfig, cast: Cast) -> Iterator[Stage]:
    """Start the chain, deploy, and give everyone tokens; the chain ends with the block."""
    addresses = [member.address for member in cast.everyone]
    with start_devnet(
        config.node, accounts=addresses, timestamp=rules.GENESIS, mining="manual"
    ) as devnet:
        gas = GasLog()
        senders = {
            member.name: Sender(
                devnet.web3, member.account, gas_log=gas, mine=lambda: devnet.mine(None)
            )
            for member in cast.everyone
        }
        deployer = senders[cast.sponsor.name]
        token = Token.deploy(deployer)
        ledger = Ledger.deploy(deployer)
        anchor = ReputationAnchor.deploy(deployer, ledger.address)
        built = Stage(devnet, ledger, anchor, token, senders, gas)
        built.act((cast.sponsor, token.mint(m.address, funds(m, config))) for m in cast.everyone)
        built.act((m, token.approve(ledger.address, funds(m, config))) for m in cast.everyone)
        yield built


def funds(member: Member, config: DemoConfig) -> int:
    """What a participant pays into the ledger, in base units: an escrow or a stake."""
    if member.role == "sponsor":
        return config.rounds * (rules.ROUND_BUDGET + rules.VERIFIER_BUDGET)
    return rules.VERIFIER_STAKE if member.role == "verifier" else rules.TRAINER_STAKE


def open_task(built: Stage, cast: Cast, config: DemoConfig, spec: Content, model: Content) -> int:
    """Create the task with its escrow and let everyone join; the task's id."""
    params = TaskParams(
        token=built.token.address,
        commit_window=WINDOW,
        reveal_window=WINDOW,
        score_commit_window=WINDOW,
        score_reveal_window=WINDOW,
        attest_window=WINDOW,
        appeal_window=0,
        cooldown=10 * WINDOW,
        trainer_budget=rules.ROUND_BUDGET,
        verifier_budget=rules.VERIFIER_BUDGET,
        payout_exponent=1,
        committee_size=rules.VERIFIERS,
        open_verifiers=False,
        full_pay_gain=GRID // config.rounds,  # as much of the first loss as is its part of them
        min_updates=1,
        tolerance=2,
        slash_harmful=1_000,
        slash_malformed=1_000,
        slash_duplicate=500,
        slash_unrevealed=1_000,
        slash_absent=1_000,
        max_trainers=len(cast.trainers),
        max_rounds=config.rounds,
        trainer_stake=rules.TRAINER_STAKE // 2,
        verifier_stake=rules.VERIFIER_STAKE // 2,
        appeal_bond=0,
        spec_digest=spec.digest,
        model_digest=model.digest,
        model_size=model.size,
    )
    grants = [VerifierGrant(verifier.address, 100) for verifier in cast.verifiers]
    escrow = funds(cast.sponsor, config)
    receipt = built.act([(cast.sponsor, built.ledger.create_task(params, escrow, grants))])[0]
    return built.ledger.events_in(receipt, TaskCreated)[0].task_id
