"""A round that has ended, in one line for people."""

from collections import Counter
from dataclasses import dataclass

from chain.ledger.bindings.structs import TaskParams
from karat.money import Money
from karat.protocol.rules import earned, gain, verdict_name
from karat.protocol.state import Outcome, Round


@dataclass(frozen=True)
class EndedRound:
    """What became of a round. Amounts are in base units of the task's token.

    ``weight`` is the sum of the scores above zero, in units of 2**-14 relative improvement.
    """

    round: int
    outcome: str
    committed: int
    revealed: int
    verdicts: dict[str, int]
    weight: int
    trainer_rewards: int
    verifier_rewards: int
    slashed: int

    @classmethod
    def of(cls, params: TaskParams, current: Round) -> "EndedRound":
        """What the chain says of a round that is settled or void."""
        codes = current.medians
        return cls(
            round=current.number,
            outcome="ok" if current.outcome is Outcome.SETTLED else current.outcome.value,
            committed=len(current.commits),
            revealed=len(current.updates),
            verdicts=dict(Counter(map(verdict_name, codes))),
            weight=sum(map(gain, codes)),
            trainer_rewards=sum(earned(params, current, code) for code in codes),
            verifier_rewards=sum(current.verifier_rewards.values()),
            slashed=sum(current.slashes.values()),
        )

    def line(self, money: Money) -> str:
        """For instance ``round 3: ok, 4 updates (3 ok, 1 harmful), weight 1,797, …``."""
        verdicts = ", ".join(f"{count} {name}" for name, count in sorted(self.verdicts.items()))
        parts = [
            f"round {self.round}: {self.outcome}",
            f"{self.revealed} update{'' if self.revealed == 1 else 's'}"
            + (f" ({verdicts})" if verdicts else ""),
        ]
        if self.committed > self.revealed:
            parts.append(f"{self.committed - self.revealed} not revealed")
        if self.outcome == "ok":
            parts.append(f"weight {self.weight:,}")
            parts.append(f"{money.show(self.trainer_rewards)} for trainers")
            parts.append(f"{money.show(self.verifier_rewards)} for verifiers")
        if self.slashed:
            parts.append(f"{money.show(self.slashed)} slashed")
        return ", ".join(parts)
