"""A task as anyone sees it: what the chain and the store say of it. Sends nothing."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chain.ledger.bindings.structs import TaskParams
from chain.ledger.client import Token
from karat.errors import Hint, NotAvailable
from karat.money import Money
from karat.protocol.content import Content
from karat.protocol.ended import EndedRound
from karat.protocol.evidence import read_evidence
from karat.protocol.history import TaskHistory
from karat.protocol.rounds import is_over
from karat.protocol.rules import ENDED, appeal_stage, phase_name, verdict_name
from karat.protocol.state import Appeal as AppealState
from karat.protocol.state import Outcome, Round
from karat.protocol.why import explain
from karat.sdk import documents
from learning.evidence import Evidence
from learning.score_codes import ZERO_SCORE

if TYPE_CHECKING:
    from karat.protocol.task import Task as TaskContent
    from karat.sdk.models import Model
    from karat.sdk.network import Network
    from learning.model_state import ModelState


@dataclass(frozen=True, kw_only=True)
class RoundUpdate(documents.Update):
    """An update with the round that it was revealed in."""

    round: int

    def why(self) -> documents.TrainerWhy:
        """Why it was paid what it was paid; see :meth:`TaskView.why`.

        Raises:
            NotAvailable: it was not got from ``task.updates``.
        """
        task: TaskView | None = self.__dict__.get("_task")
        if task is None:
            raise NotAvailable("only an update of task.updates can be explained")
        return task.why(self.round, trainer=self.trainer)


@dataclass(frozen=True, kw_only=True)
class Participant:
    """A member of a task. Amounts are in base units of the task's token."""

    address: str
    role: str
    stake: int
    reward: int
    slashed: int
    reputation: float


class TaskView:
    """One task, to look at."""

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
    def rules_hash(self) -> bytes:
        """The hash of sponsor and rules, which a call that brings money names."""
        return self.history.rules_hash

    @cached_property
    def token(self) -> Token:
        """The token that it pays in."""
        return Token(self._network.web3, self._network.ledger.task_params(self.id).token)

    @cached_property
    def money(self) -> Money:
        """The token's unit, to read and write amounts."""
        return Money.of(self.token)

    @property
    def rounds(self) -> list[Round]:
        """All rounds so far, oldest first."""
        return [current for _, current in sorted(self.history.rounds.items())]

    @property
    def updates(self) -> list[RoundUpdate]:
        """All revealed updates so far, by round and index."""
        found = [update for current in self.rounds for update in updates_of(current)]
        for update in found:
            update.__dict__["_task"] = self  # no field: records and comparisons are without it
        return found

    def why(self, round_: int | None = None, *, trainer: str | None = None) -> documents.TrainerWhy:
        """Why a trainer was paid in a round what it was paid, in words and numbers.

        Args:
            round_: the latest settled or void one if None.
            trainer: as ``accounts.address_of`` takes them; the network's account if None.

        Raises:
            NotAvailable: there is no such round, or the account is no trainer of the task.
            StoreUnreachable: the content store is down.
        """
        network, history = self._network, self.history
        address = self._address_of(trainer)
        if address not in history.trainers and history.account(address).role != "trainer":
            raise NotAvailable(f"{address} is no trainer of task {self.id}")
        ended = [r.number for r in self.rounds if r.outcome is not Outcome.OPEN]
        if round_ is None and not ended:
            raise NotAvailable(f"no round of task {self.id} has ended yet")
        current = history.round(max(ended) if round_ is None else round_)

        def read(verifier: str) -> Evidence | str:
            digest = current.evidence.get(verifier)
            if digest is None:
                return "the vote names none"
            return read_evidence(network.store, digest, len(current.updates))

        why = explain(history.params, current, address, self.money, read)
        fields = vars(why) | {"answer": list(why.answer), "numbers": dict(why.numbers)}
        fields["case"] = why.case.value
        return documents.TrainerWhy(task=self.id, round=current.number, trainer=address, **fields)

    def _address_of(self, who: str | None) -> str:
        if who is None:
            return self._network.address
        known = who in self._history.accounts
        return who if known else self._network.accounts.address_of(who)

    @property
    def participants(self) -> list[Participant]:
        """Verifiers and trainers, with what they hold, earned and lost."""
        from karat.protocol import reputation  # noqa: PLC0415 - numerics take seconds to load

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
        from karat.protocol.task import Task as TaskContent  # noqa: PLC0415 - it brings in torch

        return TaskContent(self.history, self._network.store)

    def model(self, round_: int | None = None) -> "Model":
        """The model after a round (after the latest settled one if None; 0: the first model).

        Raises:
            NotAvailable: the round has not ended.
            StoreError: the store lacks the model, or an update that it follows from.
        """
        from karat.sdk.models import Model  # noqa: PLC0415 - it brings in torch

        history, content = self.history, self.content
        settled = [r.number for r in self.rounds if r.outcome is Outcome.SETTLED]
        number = max(settled, default=0) if round_ is None else round_
        if number == 0:
            params = history.params
            state = content.model(Content(params.model_digest, params.model_size))
        else:
            state = self._model_after(history.round(number))
        return Model(self.id, number, content.spec, state)

    def receipts(self) -> documents.ModelReceipts:
        """What each trainer added to the model over all settled rounds; see `learning.receipts`.

        Raises:
            NotAvailable: no round has been settled.
            AggregationError: the bytes of an update that a model takes are missing.
        """
        from karat.sdk.receipts import receipts_of  # noqa: PLC0415 - it brings in torch

        self._history.refresh()
        return receipts_of(self.content)

    def model_without(self, trainer: str, path: Path | str) -> documents.ModelWithout:
        """Write the model as if a trainer had sent nothing, and name all that went into it.

        Raises:
            NotAvailable: no round took an update of this account.
            AggregationError: the bytes of an update that a model takes are missing.
            ConfigError: the file cannot be written.
        """
        from karat.sdk.receipts import model_without  # noqa: PLC0415 - it brings in torch

        self._history.refresh()
        return model_without(self.content, self._address_of(trainer), path)

    def _model_after(self, current: Round) -> "ModelState":
        if current.outcome is Outcome.OPEN:
            raise NotAvailable(f"round {current.number} of task {self.id} has not ended")
        if current.outcome is Outcome.VOID:
            return self.content.base(current)
        if current.next_model is not None:
            return self.content.model(Content(*current.next_model))
        return self.content.next_model(current)

    @property
    def phase(self) -> str:
        """Where its current round stands, for instance ``score-commit``; none before the first."""
        ledger = self._network.ledger
        return phase_name(ledger.phase(self.id, ledger.task(self.id).current_round))

    def overview(self) -> documents.TaskOverview:
        """Money, rules, members, rounds."""
        ledger, history = self._network.ledger, self.history
        state, params, joined = ledger.task(self.id), history.params, set(history.verifiers)
        rules = {name: getattr(params, name) for name in params.NAMES}
        return documents.TaskOverview(
            task=self.id,
            sponsor=history.sponsor,
            closed=state.closed,
            round=state.current_round,
            rounds=params.max_rounds,
            escrow=state.escrow,
            token=documents.TokenUnit(
                address=params.token, symbol=self.money.symbol, decimals=self.money.decimals
            ),
            trainers=list(history.trainers),
            verifiers=[
                documents.Appointed(
                    address=one.verifier, weight=one.weight, joined=one.verifier in joined
                )
                for one in ledger.verifiers(self.id)
            ],
            spec=str(Content(params.spec_digest, 0).cid),
            model=str(Content(state.base_digest, state.base_size).cid),
            params={k: "0x" + v.hex() if isinstance(v, bytes) else v for k, v in rules.items()},
        )

    def round(self, number: int | None = None) -> documents.RoundOverview:
        """A round (the current one if None): phase, deadlines, updates, appeals.

        Raises:
            NotAvailable: there was no such round yet.
        """
        ledger, history = self._network.ledger, self.history
        chosen = ledger.task(self.id).current_round if number is None else number
        if chosen == 0:
            raise NotAvailable(f"task {self.id} has had no round yet").with_hint(
                Hint.OPEN_ROUND, task=self.id
            )
        current, info = history.round(chosen), ledger.round_info(self.id, chosen)
        return documents.RoundOverview(
            task=self.id,
            round=chosen,
            phase=phase_name(ledger.phase(self.id, chosen)),
            outcome=current.outcome.value,
            deadlines=documents.Deadlines(
                commit=info.commit_deadline,
                reveal=info.reveal_deadline,
                score_commit=info.score_commit_deadline or None,
                score_reveal=info.score_reveal_deadline or None,
            ),
            committed=list(current.commits),
            committee=list(current.committee),
            voted=list(current.votes),
            seed=None if current.seed is None else "0x" + current.seed.hex(),
            updates=[_without_round(update) for update in updates_of(current)],
            appeals=[self._appeal(chosen, one) for one in current.appeals.values()],
        )

    def watch(self, *, since: int | None = None) -> Iterator[documents.RoundEnded]:
        """Each round as it ends, until the task is over; looks at the chain while it waits.

        Args:
            since: the first round; the current one if None, or the first if there is none yet.
        """
        ledger = self._network.ledger
        following = max(1, ledger.task(self.id).current_round) if since is None else since
        while True:
            over, current = is_over(ledger, self.id), ledger.task(self.id).current_round
            in_course = current > 0 and ledger.phase(self.id, current) not in ENDED
            ended, history = current - in_course, self.history
            for number in range(following, ended + 1):
                one = EndedRound.of(history.params, history.round(number))
                yield documents.RoundEnded(**asdict(one), line=one.line(self.money))
            following = max(following, ended + 1)
            if over:
                return
            time.sleep(self._network.poll_seconds)

    def _appeal(self, number: int, one: AppealState) -> documents.Appeal:
        view = self._network.ledger.appeal_info(self.id, number, one.index)
        resolved = one.upheld is not None
        return documents.Appeal(
            index=one.index,
            challenger=one.challenger,
            bond=one.bond,
            stage=appeal_stage(view, self._network.clock.now()).value,
            commit_deadline=one.commit_deadline,
            reveal_deadline=one.reveal_deadline,
            jurors=view.jurors,
            jury_weight=one.jury_weight,
            committed=view.committed,
            votes=one.votes,
            outcome={True: "upheld", False: "rejected", None: None}[one.upheld],
            old_verdict=verdict_name(one.old_code) if resolved else None,
            new_verdict=verdict_name(one.new_code) if resolved else None,
            reward=one.reward if resolved else None,
        )


def updates_of(current: Round) -> Iterator[RoundUpdate]:
    """The revealed updates of a round, in index order."""
    for revealed in current.updates:
        code = current.medians[revealed.index] if current.medians else None
        yield RoundUpdate(
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


def _without_round(update: RoundUpdate) -> documents.Update:
    fields = {name: value for name, value in vars(update).items() if name != "round"}
    return documents.Update(**fields)


def to_records(items: list[Any]) -> list[dict[str, Any]]:
    """Dataclass objects as dictionaries, for ``pandas.DataFrame``."""
    return [asdict(item) for item in items]
