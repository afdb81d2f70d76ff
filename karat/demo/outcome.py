"""Collects what a demo run shows. Amounts are read from the chain, not from the demo's books."""

import csv
from collections import Counter
from pathlib import Path

from chain.store import Store
from chain.urls import without_keys
from karat.demo.cast import Cast, Member
from karat.demo.config import DemoConfig
from karat.demo.result import DemoResult, GasUse, ParticipantResult, RoundResult, UpdateResult
from karat.demo.stage import Stage, funds
from karat.errors import ProtocolError
from karat.protocol import reputation
from karat.protocol.content import Content, publish
from karat.protocol.history import TaskHistory
from karat.protocol.rules import verdict_name
from karat.protocol.state import Round
from karat.protocol.task import Task
from karat.protocol.trust import trust_edges
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.scores import decode_score


class Outcomes:
    """Rounds as they come; everything else at the end."""

    def __init__(
        self, config: DemoConfig, cast: Cast, built: Stage, store: Store, history: TaskHistory
    ) -> None:
        self.config, self.cast, self.stage = config, cast, built
        self.store, self.history = store, history
        self.rounds: list[RoundResult] = []
        self._codes: dict[str, list[int]] = {}

    def add_round(
        self, current: Round, accuracy: float, plain_average: float, model: Content
    ) -> None:
        """Take in a finished round."""
        roles = {member.address: member.role for member in self.cast.trainers}
        updates = []
        for update in current.updates:
            code = current.medians[update.index] if current.medians else 0
            if code:
                self._codes.setdefault(update.trainer, []).append(code)
            updates.append(
                UpdateResult(
                    index=update.index,
                    trainer=update.trainer,
                    role=roles[update.trainer],
                    cid=str(Content(update.digest, update.size).cid),
                    size=update.size,
                    scores={v: codes[update.index] for v, codes in current.votes.items()},
                    median=code,
                    verdict=verdict_name(code),
                    weight=max(0, code - ZERO_SCORE),
                )
            )
        self.rounds.append(
            RoundResult(
                round=current.number,
                outcome=current.outcome.value,
                accuracy=accuracy,
                accuracy_plain_average=plain_average,
                model=str(model.cid),
                seed="" if current.seed is None else "0x" + current.seed.hex(),
                updates=updates,
                missing=current.missing,
            )
        )

    def result(self, task: Task, seconds: float) -> DemoResult:
        """Everything, with the reputations anchored and the books checked.

        Raises:
            ProtocolError: an amount on the chain is not what the events say.
        """
        anchor = self._anchor()
        built = self.stage
        return DemoResult(
            config={
                "rounds": self.config.rounds,
                "seed": self.config.seed,
                "task": task.spec.name,
                "alpha": task.spec.data.alpha,
            },
            chain={
                "kind": built.devnet.kind,
                "chain_id": built.devnet.chain_id,
                "rpc_url": built.devnet.rpc_url,
                "ledger": built.ledger.address,
                "anchor": built.anchor.address,
                "task_id": self.history.task_id,
                "blocks": int(built.devnet.web3.eth.block_number),
                "head": built.devnet.web3.eth.get_block("latest")["hash"].to_0x_hex(),
            },
            store={
                "kind": self.config.store_url.partition(":")[0],
                "url": without_keys(self.config.store_url),
            },
            token={"address": built.token.address, "decimals": built.token.decimals()},
            rounds=self.rounds,
            participants=self._participants(),
            anchor=anchor,
            conservation=self._conservation(),
            gas={
                name: GasUse(int(use["count"]), use["mean"], int(use["max"]))
                for name, use in built.gas.summary().items()
            },
            outputs=self._outputs(),
            seconds=seconds,
        )

    def _participants(self) -> list[ParticipantResult]:
        scores = reputation.scores(self.history)
        return [self._participant(member, scores[member.address]) for member in self.cast.everyone]

    def _participant(self, member: Member, score: float) -> ParticipantResult:
        """Reward and slash follow from token balance and stake, both read from the chain."""
        built, paid_in = self.stage, funds(member, self.config)
        balance = built.token.balance_of(member.address)
        if member.role == "sponsor":
            return ParticipantResult(member.address, member.name, member.role, 0, 0, 0, score)
        held = built.ledger.member(self.history.task_id, member.address)
        reward, slashed = balance + held.balance, paid_in - held.stake
        account = self.history.account(member.address)
        gained = account.earned - account.bonds - account.bonds_lost
        if (reward, slashed) != (gained, account.slashed):
            raise ProtocolError(
                f"{member.name} holds {reward} and lost {slashed} on chain, but the events say "
                f"{gained} and {account.slashed}"
            )
        codes = self._codes.get(member.address, [])
        marks = [decode_score(code) for code in codes if code >= LOWEST_SCORE]
        return ParticipantResult(
            address=member.address,
            name=member.name,
            role=member.role,
            reward=reward,
            slashed=slashed,
            stake=held.stake,
            reputation=score,
            verdicts=dict(Counter(_outcome(code) for code in codes)),
            mean_score=sum(marks) / len(marks) if marks else None,
        )

    def _conservation(self) -> dict[str, int]:
        """What was paid in, and where all of it is now.

        Raises:
            ProtocolError: the two differ, or the ledger holds less than it owes.
        """
        built, task_id = self.stage, self.history.task_id
        members = [*self.cast.verifiers, *self.cast.trainers]
        views = [built.ledger.member(task_id, member.address) for member in members]
        task = built.ledger.task(task_id)
        parts = {
            "escrow": task.escrow,
            "forfeited": task.forfeited,
            "stakes": sum(view.stake for view in views),
            "unclaimed": sum(view.balance for view in views) + task.owed,
            "withdrawn": sum(built.token.balance_of(member.address) for member in members),
        }
        paid_in = sum(funds(member, self.config) for member in self.cast.everyone)
        held = built.token.balance_of(built.ledger.address)
        accounted = sum(parts.values())
        if not (paid_in == accounted and held == accounted - parts["withdrawn"]):
            raise ProtocolError(
                f"{paid_in} was paid in, {accounted} is accounted for, the ledger holds {held}"
            )
        return {"paid_in": paid_in, "accounted": accounted, "ledger_balance": held, **parts}

    def _anchor(self) -> dict[str, object]:
        """Verifiers attest the scores; one proof is checked by the contract."""
        built, task_id = self.stage, self.history.task_id
        head = int(built.devnet.web3.eth.block_number)
        block = reputation.settled_block(self.history, self.config.rounds) or head
        found = reputation.epoch_at(built.ledger, built.anchor, task_id, block)
        document = publish(self.store, found.document, owner="demo")
        epoch = built.anchor.last_epoch(task_id) + 1
        for member in self.cast.verifiers:  # until the majority has spoken
            if built.anchor.last_epoch(task_id) < epoch:
                built.act([(member, built.anchor.attest(task_id, epoch, found.statement))])
        best = max(self.cast.trainers, key=lambda m: found.scored.scores[m.address.lower()])
        proof = found.scored.proof(best.address)
        holds = built.anchor.verify(task_id, epoch, reputation.leaf(proof), proof.path)
        return {
            "epoch": epoch,
            "root": "0x" + found.scored.root.hex(),
            "document": str(document.cid),
            "proof": proof.to_dict(),
            "proof_holds": holds,
        }

    def _outputs(self) -> dict[str, str]:
        edges = self.config.out / "trust.csv"
        with edges.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["src", "dst", "weight", "epoch"])
            for edge in trust_edges(self.history):
                writer.writerow([edge.source, edge.target, edge.weight, edge.epoch])
        names = self.config.out / "names.toml"
        everyone = (f'"{member.address}" = "{member.name}"\n' for member in self.cast.everyone)
        names.write_text("".join(everyone), encoding="utf-8")
        outputs = {"trust graph": _shown(edges), "names for the page": _shown(names)}
        if self.config.store_url.startswith("local:"):
            outputs["updates, models, evidence"] = _shown(self.config.out / "store")
        return outputs


def _outcome(code: int) -> str:
    """The verdict, and whether a sound update was worth paying."""
    return "unpaid" if LOWEST_SCORE <= code <= ZERO_SCORE else verdict_name(code)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
