"""A task to act on: join it, work in it, move it on, get paid. Every act is a :class:`Plan`."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from chain.devnet.clock import DevnetClock
from chain.evm.abi import Call
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.ledger_events import Left
from karat.errors import NotAvailable
from karat.participants import membership
from karat.participants.trainer.peers import attest
from karat.participants.trainer.records import Records
from karat.protocol.rounds import due_calls, opening
from karat.protocol.rules import earned, phase_name, required_stake
from karat.sdk import documents
from karat.sdk.documents import Sent
from karat.sdk.plan import Amount, Outcome, Plan
from karat.sdk.views import TaskView, updates_of

if TYPE_CHECKING:
    from karat.sdk.journals import Journal
    from karat.sdk.judging import Judging
    from karat.sdk.training import Training

Role = Literal["trainer", "verifier"]
D = TypeVar("D", bound=Sent)


class Task(TaskView):
    """One task, to look at and to act on with the network's account."""

    # --- the sponsor's -------------------------------------------------------------------------

    def fund(self, amount: Amount) -> Plan[documents.TaskFunded]:
        """Add to the escrow.

        Raises:
            ConfigError: the amount is none, or the account has not enough.
        """
        ledger, units = self._network.ledger, self.money.parse(amount)
        approval = membership.deposit(ledger, self.token, self._network.address, units)
        return self._plan(
            f"pay {self.money.show(units)} into the escrow of task {self.id}",
            [*approval, ledger.fund(self.id, self.rules_hash, units)],
            lambda done: documents.TaskFunded(
                **done.fields, task=self.id, amount=units, escrow=ledger.task(self.id).escrow
            ),
        )

    def close(self) -> Plan[documents.TaskClosed]:
        """End the task and get the escrow back that nobody has earned; its sponsor only."""
        ledger = self._network.ledger
        escrow = ledger.task(self.id).escrow
        return self._plan(
            f"close task {self.id} for good, so that {self.money.show(escrow)} come back",
            [ledger.close_task(self.id)],
            lambda done: documents.TaskClosed(**done.fields, task=self.id, amount=escrow),
        )

    # --- a member's ----------------------------------------------------------------------------

    def join_trainer(self, stake: Amount | None = None) -> Plan[documents.TrainerJoined]:
        """Join as a trainer, with a stake (None: what the task requires, and a quarter more).

        Raises:
            ConfigError: the amount is none, or the account has not enough.
        """
        return self._join("trainer", stake, documents.TrainerJoined)

    def join_verifier(self, stake: Amount | None = None) -> Plan[documents.VerifierJoined]:
        """Join as a verifier, where the sponsor has appointed the account; as a trainer does."""
        return self._join("verifier", stake, documents.VerifierJoined)

    def top_up(
        self, amount: Amount | None = None, *, role: Role | None = None
    ) -> Plan[documents.StakeAdded]:
        """Add to one's stake (None: what it lacks), to act again after a slash.

        Args:
            amount: in tokens.
            role: what the account must be; None takes it as it is.

        Raises:
            ConfigError: the amount is none, or the account has not enough.
            NotAvailable: the account is no such member, or its stake lacks nothing.
        """
        ledger, address, money = self._network.ledger, self._network.address, self.money
        held = self._role() if role is None else role
        member = membership.member_as(ledger, self.id, address, held)
        if amount is None:
            units = membership.lacking_stake(ledger, self.id, member, held, money)
        else:
            units = money.parse(amount)
        kind = documents.TrainerStakeAdded if held == "trainer" else documents.VerifierStakeAdded
        return self._plan(
            f"add {money.show(units)} to your stake in task {self.id}",
            membership.top_up(ledger, self.token, self.id, self.rules_hash, address, units),
            lambda done: kind(
                **done.fields,
                task=self.id,
                role=held,
                address=address,
                amount=units,
                stake=ledger.member(self.id, address).stake,
            ),
        )

    def leave(self) -> Plan[documents.Leaving]:
        """Ask to leave, or, once the cool-down is over, leave with stake and rewards.

        Raises:
            NotAvailable: the cool-down is not over.
        """
        ledger, address = self._network.ledger, self._network.address
        self._network.clock.advance_if_idle()
        asked = ledger.member(self.id, address).leave_at
        calls = membership.leave(ledger, self.id, address, self._network.clock.now())

        def result(done: Outcome) -> documents.Leaving:
            leave_at = asked or ledger.member(self.id, address).leave_at
            state = "left" if asked else "leaving"
            return documents.Leaving(**done.fields, task=self.id, state=state, leave_at=leave_at)

        words = f"leave task {self.id}"
        return self._plan(words if asked else f"{words}, after the cool-down", calls, result)

    def paid_out(self, left: documents.Leaving) -> int:
        """What came back with leaving, in base units; 0 before the cool-down is over."""
        ledger, web3 = self._network.ledger, self._network.web3
        receipts = [
            web3.eth.get_transaction_receipt(one.hash)  # type: ignore[arg-type]
            for one in left.transactions
            if one.hash is not None
        ]
        return sum(event.amount for one in receipts for event in ledger.events_in(one, Left))

    @property
    def is_leaving(self) -> bool:
        """Whether the account has asked to leave."""
        return self._network.ledger.member(self.id, self._network.address).leave_at != 0

    def trainer_status(self) -> documents.TrainerStatus:
        """Where the account stands, what became of its updates, and what a claim would credit."""
        history, address = self.history, self._network.address
        mine = [u for one in self.rounds for u in updates_of(one) if u.trainer == address]
        due = set(Records(self._network.ledger, self.id, address).claimable())
        claimable = sum(
            earned(history.params, history.rounds[one.round], one.median)
            for one in mine
            if one.round in due
        )
        own = [
            documents.OwnUpdate(round=u.round, cid=u.cid, verdict=u.verdict, weight=u.weight)
            for u in mine
        ]
        return documents.TrainerStatus(**self._standing(), claimable=claimable, updates=own)

    def verifier_status(self) -> documents.VerifierStatus:
        """Where the account stands."""
        return documents.VerifierStatus(**self._standing())

    def withdraw(self) -> Plan[documents.Withdrawn]:
        """Get the balance of rewards paid out; no calls if there is none."""
        ledger, address = self._network.ledger, self._network.address
        amount = ledger.member(self.id, address).balance
        return self._plan(
            f"get {self.money.show(amount)} paid out",
            [ledger.withdraw(self.id, address)] if amount else [],
            lambda done: documents.Withdrawn(**done.fields, task=self.id, amount=amount),
        )

    # --- a trainer's ---------------------------------------------------------------------------

    @cached_property
    def training(self) -> "Training":
        """The account's work as a trainer: train, submit, reveal, and the daemon that does it."""
        from karat.sdk.training import Training  # noqa: PLC0415 - it brings in torch

        return Training(self._network, self.id)

    def check_data(self, data: Path | str) -> documents.TrainerChecked:
        """Compare one's own data with the task's; see :func:`karat.sdk.comparing.compare_data`."""
        from karat.sdk.comparing import compare_data  # noqa: PLC0415 - it brings in torch

        return compare_data(self, data)

    def train(self, data: Any = None, **options: Any) -> documents.Trained:
        """Train for the current round; see :meth:`karat.sdk.training.Training.train`."""
        return self.training.train(data, **options)

    def submit(self) -> Plan[documents.Submitted]:
        """Commit to, or reveal, the update; see :meth:`karat.sdk.training.Training.submit`."""
        return self.training.submit()

    def reveal(self) -> Plan[documents.Submitted]:
        """Reveal the update; see :meth:`karat.sdk.training.Training.reveal`."""
        return self.training.reveal()

    def claim(self) -> Plan[documents.Claimed]:
        """Get paid for every round that has ended; no calls if nothing is owed."""
        address = self._network.address
        records = Records(self._network.ledger, self.id, address)
        rounds, before = records.claimable(), self.history.account(address).earned
        return self._plan(
            f"claim the rewards of rounds {rounds} of task {self.id}",
            records.claim_calls(),
            lambda done: documents.Claimed(
                **done.fields,
                task=self.id,
                rounds=rounds,
                rewards=self.history.account(address).earned - before,
            ),
        )

    def journal(self, role: Role) -> "Journal":
        """What the account has journalled here as a trainer or a verifier; to move it."""
        from karat.sdk.journals import Journal  # noqa: PLC0415 - it brings in torch

        return Journal(self._network, self.id, role)

    def attest(self, peers: Mapping[str, int]) -> Plan[documents.PeersAttested]:
        """State how much one trusts other trainers, as edges of the trust graph.

        Args:
            peers: weights by account (as ``accounts.address_of`` takes them): 1 to 32767, or
                negative for distrust. What is stated adds up.

        Raises:
            BadCommitment: a weight is out of range, or there are too many.
            NotAvailable: nobody would count it, or the network has no anchor.
        """
        network = self._network
        weights = {network.accounts.address_of(who): weight for who, weight in peers.items()}
        call = attest(network.anchor, self.history, network.address, weights)
        return self._plan(
            f"state trust in {len(weights)} trainers of task {self.id}",
            [call],
            lambda done: documents.PeersAttested(
                **done.fields,
                task=self.id,
                address=network.address,
                round=network.ledger.task(self.id).current_round,
                edges=[documents.PeerEdge(to=to, weight=weight) for to, weight in weights.items()],
            ),
        )

    # --- a verifier's --------------------------------------------------------------------------

    @cached_property
    def judging(self) -> "Judging":
        """The account's work as a verifier: the daemon that scores and votes."""
        from karat.sdk.judging import Judging  # noqa: PLC0415 - it brings in torch

        return Judging(self._network, self.id)

    # --- anyone's ------------------------------------------------------------------------------

    def open_round(self) -> Plan[documents.RoundOpened]:
        """Open the next round; anyone may, once the one before is over.

        Raises:
            NotAvailable: it cannot be opened (yet); the message says why.
        """
        ledger, clock = self._network.ledger, self._network.clock
        clock.advance_if_idle()
        return self._plan(
            f"open the next round of task {self.id}",
            [opening(ledger, self.id, clock.now())],
            lambda done: documents.RoundOpened(
                **done.fields, task=self.id, round=ledger.task(self.id).current_round
            ),
        )

    def advance(self) -> Plan[documents.RoundAdvanced]:
        """Take the step that is due: close the reveals, settle, or void; no calls if none is."""
        ledger = self._network.ledger
        self._network.clock.advance_if_idle()

        def result(done: Outcome) -> documents.RoundAdvanced:
            number = ledger.task(self.id).current_round
            phase = phase_name(ledger.phase(self.id, number))
            return documents.RoundAdvanced(**done.fields, task=self.id, round=number, phase=phase)

        calls = due_calls(ledger, self.history)
        return self._plan(f"move task {self.id} on", calls, result)

    def skip_phase(self) -> str:
        """On a devnet: move its clock to the end of the current phase; the phase that follows.

        Raises:
            NotAvailable: the network is a live one, or the phase ends by an act, not by time.
        """
        ledger, clock = self._network.ledger, self._network.clock
        number = ledger.task(self.id).current_round
        phase, info = ledger.phase(self.id, number), ledger.round_info(self.id, number)
        ends = {
            Phase.COMMIT: info.commit_deadline,
            Phase.REVEAL: info.reveal_deadline,
            Phase.SCORE_COMMIT: info.score_commit_deadline,
            Phase.SCORE_REVEAL: info.score_reveal_deadline,
        }
        if not isinstance(clock, DevnetClock) or phase not in ends:
            raise NotAvailable(
                f"the phase {phase_name(phase)} of task {self.id} cannot be skipped: only those "
                "with a deadline can, on a devnet"
            )
        clock.move_to(ends[phase])
        return self.phase

    def appeal(self, round_number: int, index: int) -> Plan[documents.Appealed]:
        """Challenge the verdict on one update with a bond; anyone may, in the appeal phase.

        Raises:
            NotAvailable: the round takes no appeals now.
            ConfigError: the account has not enough for the bond.
        """
        ledger = self._network.ledger
        bond, phase = self.params.appeal_bond, ledger.phase(self.id, round_number)
        if phase is not Phase.APPEAL:
            raise NotAvailable(
                f"round {round_number} takes no appeals: it is in phase {phase_name(phase)}"
            )
        approval = membership.deposit(ledger, self.token, self._network.address, bond)

        def result(done: Outcome) -> documents.Appealed:
            view = ledger.appeal_info(self.id, round_number, index)
            return documents.Appealed(
                **done.fields,
                task=self.id,
                round=round_number,
                index=index,
                bond=bond,
                jurors=view.jurors,
                commit_deadline=view.commit_deadline,
                reveal_deadline=view.reveal_deadline,
            )

        return self._plan(
            f"put {self.money.show(bond)} on it that the verdict on update {index} is wrong",
            [*approval, ledger.appeal(self.id, self.rules_hash, round_number, index)],
            result,
        )

    # --- inside --------------------------------------------------------------------------------

    def _join(self, role: Role, stake: Amount | None, kind: Callable[..., D]) -> Plan[D]:
        ledger, address = self._network.ledger, self._network.address
        units = self._usual_stake(role) if stake is None else self.money.parse(stake)
        return self._plan(
            f"stake {self.money.show(units)} in task {self.id} as a {role}",
            membership.join(ledger, self.token, self.id, self.rules_hash, role, address, units),
            lambda done: kind(**done.fields, task=self.id, role=role, address=address, stake=units),
        )

    def _usual_stake(self, role: Role) -> int:
        """What the task requires and a margin, so that one slash does not suspend at once.

        Without the margin, if the account has not enough for it.
        """
        least = required_stake(self.params, role)
        wanted = membership.with_margin(least)
        return wanted if self.token.balance_of(self._network.address) >= wanted else least

    def _standing(self) -> dict[str, Any]:
        """The fields of a member document."""
        ledger, history, address = self._network.ledger, self.history, self._network.address
        member, current = ledger.member(self.id, address), ledger.task(self.id).current_round
        return {
            "task": self.id,
            "address": address,
            "role": member.role.name.lower(),
            "stake": member.stake,
            "balance": member.balance,
            "suspended": member.suspended,
            "leave_at": member.leave_at or None,
            "rewarded": history.account(address).earned,
            "slashed": history.account(address).slashed,
            "round": current,
            "phase": phase_name(ledger.phase(self.id, current)),
        }

    def _role(self) -> Role:
        held = self._network.ledger.member(self.id, self._network.address).role.name.lower()
        return "verifier" if held == "verifier" else "trainer"

    def _plan(
        self, purpose: str, calls: Sequence[Call[Any]], result: Callable[[Outcome], D]
    ) -> Plan[D]:
        return Plan(purpose, tuple(calls), self._network.open_sender, result)
