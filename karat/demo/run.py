"""The demo, from an empty chain to anchored reputations."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from chain.evm.abi import Call
from chain.store import Store, open_store
from karat.demo.cast import Cast, Member
from karat.demo.config import DemoConfig
from karat.demo.outcome import Outcomes
from karat.demo.progress import DemoProgress
from karat.demo.result import DemoResult
from karat.demo.stage import Stage, funds, open_task, stage
from karat.participants.trainer.calls import Trainer
from karat.participants.verifier.calls import Verifier
from karat.protocol.content import Content, publish
from karat.protocol.history import TaskHistory
from karat.protocol.rounds import settle_calls
from karat.protocol.rules import quorum_met
from karat.protocol.state import Outcome, Round
from karat.protocol.task import Task
from learning import tasks
from learning.aggregation import plain_average
from learning.model_state import ModelState
from learning.score_codes import ZERO_SCORE
from learning.tasks.data import divided
from learning.training import evaluate, initial_model


@dataclass(frozen=True)
class Played:
    """A finished demo whose chain still runs."""

    result: DemoResult
    stage: Stage
    task: Task


@contextmanager
def played(config: DemoConfig, progress: DemoProgress) -> Iterator[Played]:
    """Play the whole demo; the chain ends with the block.

    Raises:
        chain.errors.ChainError: the chain or the store went away.
        karat.errors.KaratError: something does not add up.
    """
    started = time.monotonic()
    torch.set_num_threads(1)  # so small a model is done before threads have met
    store = open_store(config.store_url)
    cast = Cast(config, tasks.get(config.task))
    progress.step(f"starting {config.node}, deploying the contracts")
    with stage(config, cast) as built:
        play = _Play(config, progress, store, cast, built)
        for number in range(1, config.rounds + 1):
            play.round(number)
        progress.step("anchoring the reputations")
        play.claim()
        result = play.outcomes.result(play.task, time.monotonic() - started)
        yield Played(result, built, play.task)


class _Play:
    """The run's state: who is who on the chain, and the plain average on the side."""

    def __init__(
        self,
        config: DemoConfig,
        progress: DemoProgress,
        store: Store,
        cast: Cast,
        built: Stage,
    ) -> None:
        self.config, self.progress, self.store = config, progress, store
        self.cast, self.stage = cast, built
        self.spec = tasks.get(config.task)
        self.average = initial_model(self.spec)
        self.baseline = Cast(config, self.spec)  # the same people in a federation of their own
        sponsor = cast.sponsor.address
        specification = publish(store, self.spec.to_bytes(), owner=sponsor)
        model = publish(store, self.average.to_bytes(), owner=sponsor, round_number=0)
        task_id = open_task(built, cast, config, specification, model)
        self.history = TaskHistory(built.ledger, task_id, anchor=built.anchor)
        self.task = Task(self.history, store)
        self.trainers = {
            member.name: Trainer(built.ledger, task_id, member.account) for member in cast.trainers
        }
        self.verifiers = {
            member.name: Verifier(built.ledger, self.task, member.account, config.device)
            for member in cast.verifiers
        }
        self.history.refresh()
        agreed = self.history.rules_hash
        built.act(
            (m, self.verifiers[m.name].join(agreed, funds(m, config))) for m in cast.verifiers
        )
        built.act((m, self.trainers[m.name].join(agreed, funds(m, config))) for m in cast.trainers)
        self.history.refresh()
        self.outcomes = Outcomes(config, cast, built, store, self.history)

    def round(self, number: int) -> None:
        """One round, from opening to attested base model and claims."""
        ledger, task_id = self.stage.ledger, self.history.task_id
        self.stage.act([(self.cast.sponsor, ledger.open_round(task_id))])
        self.history.refresh()
        current = self.history.round(number)
        base = self.task.base(current)
        self._submit(current, base)
        self._score(current)
        self._settle(current)
        self._attest(current)
        self._claim_round(number)
        self._report(current)

    def _alive(self, members: Iterable[Member], number: int, step: str) -> list[Member]:
        gone = {drop.name for drop in self.config.drops if drop.holds(number, step)}
        return [member for member in members if member.name not in gone]

    def _submit(self, current: Round, base: ModelState) -> None:
        """Trainers train and commit; then they publish and reveal."""
        number = current.number
        self.progress.step(f"round {number}: training")
        payloads = self.payloads = self.cast.payloads(number, base)
        contents = {name: Content.of(payload) for name, payload in payloads.items()}
        senders = [m for m in self.cast.trainers if m.name in contents]
        order = np.random.default_rng([self.config.seed, number]).permutation(len(senders))
        senders = [senders[i] for i in order]
        self.progress.step(f"round {number}: committing and revealing updates")
        self.stage.act(
            (m, self.trainers[m.name].commit(number, contents[m.name]))
            for m in self._alive(senders, number, "commit")
        )
        info = self.stage.ledger.round_info(self.history.task_id, number)
        self.stage.after(info.commit_deadline)
        revealing = self._alive(senders, number, "reveal")
        for m in revealing:  # not before all have committed, or others could copy it
            publish(self.store, payloads[m.name], owner=m.address, round_number=number)
        self.stage.act(
            (m, self.trainers[m.name].reveal(number, contents[m.name])) for m in revealing
        )
        self.stage.after(info.reveal_deadline)
        close = self.stage.ledger.close_reveal(self.history.task_id, number)
        for _ in range(2):  # the seed is the hash of the block that the first call names
            self.stage.act([(self.cast.sponsor, close)])
        self.history.refresh()

    def _score(self, current: Round) -> None:
        """Verifiers score, commit to their scores, reveal them."""
        number = current.number
        self.progress.step(f"round {number}: three verifiers scoring")
        voters = self._alive(self.cast.verifiers, number, "score-commit")
        drafts = {}
        for m in voters:
            verifier = self.verifiers[m.name]
            drafts[m.name] = verifier.draft(verifier.score(current))
        self.progress.step(f"round {number}: committing and revealing scores")
        self.stage.act(
            (m, self.verifiers[m.name].commit_scores(number, drafts[m.name][0])) for m in voters
        )
        info = self.stage.ledger.round_info(self.history.task_id, number)
        if info.committed < info.committee_size:
            self.stage.after(info.score_commit_deadline)
        revealing = self._alive(voters, number, "score-reveal")
        for m in revealing:
            publish(self.store, drafts[m.name][1], owner=m.address, round_number=number)
        self.stage.act(
            (m, self.verifiers[m.name].reveal_scores(number, drafts[m.name][0])) for m in revealing
        )
        info = self.stage.ledger.round_info(self.history.task_id, number)
        if info.revealed < info.committee_size:
            self.stage.after(info.score_reveal_deadline)
        self.history.refresh()

    def _settle(self, current: Round) -> None:
        """Anyone settles; here the sponsor does."""
        self.progress.step(f"round {current.number}: settling on chain")
        ledger, task_id = self.stage.ledger, self.history.task_id
        info = ledger.round_info(task_id, current.number)
        calls: list[Call[None]]
        if quorum_met(info.revealed_weight, info.committee_weight):
            calls = settle_calls(ledger, task_id, current)
        else:
            calls = [ledger.void_round(task_id, current.number)]
        self.stage.act((self.cast.sponsor, call) for call in calls)
        self.history.refresh()

    def _attest(self, current: Round) -> None:
        """Verifiers compute the next model, each for itself, and attest it."""
        self.progress.step(f"round {current.number}: attesting the next model")
        if current.outcome is not Outcome.SETTLED:
            return
        calls = []
        for m in self._alive(self.cast.verifiers, current.number, "attest"):
            model = self.task.next_model(current)
            content = publish(
                self.store, model.to_bytes(), owner=m.address, round_number=current.number
            )
            calls.append((m, self.verifiers[m.name].attest_model(current.number, content)))
        self.stage.act(calls)
        info = self.stage.ledger.task(self.history.task_id)
        if not info.base_attested:
            finals = self.stage.ledger.round_info(self.history.task_id, current.number)
            self.stage.after(finals.final_at + self.history.params.attest_window)

    def _claim_round(self, number: int) -> None:
        """Everyone claims; for those who are gone anyone may, here the sponsor does."""
        current = self.history.round(number)
        present = {m.name for m in self._alive(self.cast.trainers, number, "attest")}
        by_address = {m.address: m for m in self.cast.trainers}
        calls = []
        for address in current.commits:
            member = by_address[address]
            sender = member if member.name in present else self.cast.sponsor
            calls.append((sender, self.trainers[member.name].claim([number])))
        self.stage.act(calls)
        self.history.refresh()

    def claim(self) -> None:
        """Pay out every balance."""
        ledger, task_id = self.stage.ledger, self.history.task_id
        self.stage.act(
            (self.cast.sponsor, ledger.withdraw(task_id, member.address))
            for member in [*self.cast.verifiers, *self.cast.trainers]
        )
        self.history.refresh()

    def _report(self, current: Round) -> None:
        submissions = self.task.submissions(current)
        names = {member.address: member.name for member in self.cast.trainers}
        present = {names[submitted.trainer] for submitted in submissions}
        base, before = self.task.base(current), self.average
        trained = self.baseline.payloads(current.number, before)
        sent = {name: payload for name, payload in trained.items() if name in present}
        self.average = plain_average(self.spec, before, list(sent.values()))
        self.baseline.settled(before, sent, dict.fromkeys(sent, ZERO_SCORE + 1))
        if current.medians:
            pairs = zip(current.updates, current.medians, strict=True)
            codes = {names[update.trainer]: code for update, code in pairs}
            self.cast.settled(base, self.payloads, codes)
        model = base
        if current.outcome is Outcome.SETTLED:
            model = self.task.next_model(current)
        test = divided(self.spec).test
        accuracy = evaluate(self.spec, model, test, self.config.device)[1]
        plain = evaluate(self.spec, self.average, test, self.config.device)[1]
        content = publish(self.store, model.to_bytes(), owner="demo", round_number=current.number)
        self.outcomes.add_round(current, accuracy, plain, content)
        self.progress.note(
            f"round {current.number}: accuracy {accuracy:.1%}, plain average {plain:.1%}"
        )
