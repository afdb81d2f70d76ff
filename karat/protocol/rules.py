"""The ledger's rules in Python, for whoever computes what the contract would say.

Each function mirrors one in ``contracts/`` and is compared with it on the embedded EVM
(``tests/integration/test_history_fold.py``). Where a view can be asked instead, it is.
"""

from collections.abc import Iterable
from enum import StrEnum

from chain.ledger.bindings.constants import Scores
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.structs import AppealView, RoundView, TaskParams, TaskView
from karat.protocol.mixture import Mixture, median_from, median_mixture
from karat.protocol.state import Outcome, Round
from learning.score_codes import LOWEST_SCORE, Verdict

ENDED = frozenset({Phase.FINAL, Phase.VOID})
SLASHABLE = frozenset({Verdict.HARMFUL, Verdict.MALFORMED, Verdict.DUPLICATE})


class AppealStage(StrEnum):
    """How far an appeal has come."""

    COMMIT = "commit"
    REVEAL = "reveal"
    DUE = "due"
    RESOLVED = "resolved"


def gain(code: int) -> int:
    """The score above zero of a code, in units of 2**-14 relative improvement; 0 for a verdict."""
    return max(0, code - Scores.ZERO_SCORE)


def payout_weight(code: int, exponent: int) -> int:
    """What an update's part of the budget is proportional to (``Scores.payoutWeight``)."""
    weight: int = gain(code) ** exponent
    return weight


def payout_total(codes: Iterable[int], exponent: int) -> int:
    """The sum of a round's payout weights (``Scores.payoutWeights``)."""
    return sum(payout_weight(code, exponent) for code in codes)


def trainers_due(params: TaskParams, current: Round) -> int:
    """What a round's trainers earn together, in base units (``State.due``).

    All of its budget, or less in proportion where the payout weights together are below what earns
    all of it; 0 if no update has any.
    """
    total = payout_total(current.medians, params.payout_exponent)
    if total == 0 or total >= params.full_pay_gain:
        return current.budget if total else 0
    return current.budget * total // params.full_pay_gain


def forfeited_part(params: TaskParams, budget: int, amount: int) -> int:
    """The part of ``amount``, out of a round's budget, that members had forfeited before it.

    In base units, rounded down (``State.giveBack``).
    """
    return (budget - params.trainer_budget) * amount // budget if budget else 0


def earned(params: TaskParams, current: Round, code: int | None) -> int:
    """What an update with this median is credited when it is claimed (``Ledger._earned``).

    In base units; 0 unless the round is settled.
    """
    weight = 0 if code is None else payout_weight(code, params.payout_exponent)
    if weight == 0 or current.outcome is not Outcome.SETTLED:
        return 0
    total = payout_total(current.medians, params.payout_exponent)
    return current.budget * weight // max(total, params.full_pay_gain)


def settled_mixture(current: Round) -> Mixture:
    """What the model after a settled round is mixed of; for each update, and each movement.

    The median of the committee's mixtures, by weight. An appeal that is over decides its update's
    weight anew as it decides the code: whoever did not vote stands by the committee. What was
    settled as a verdict, or as worth less than no effect, is not taken.
    """
    voices = dict(zip(current.committee, current.voices, strict=True))
    votes = [(mixture, voices[who]) for who, mixture in current.mixtures.items()]
    mixture = median_mixture(votes)
    weights = list(mixture.weights)
    for appeal in current.appeals.values():
        if appeal.upheld is not None:
            old = weights[appeal.index]
            weights[appeal.index] = median_from(old, appeal.mixture_votes, appeal.jury_weight)
    for index, code in enumerate(current.medians):
        if code < Scores.ZERO_SCORE:
            weights[index] = 0
    return Mixture(tuple(weights), mixture.movements)


def required_stake(params: TaskParams, role: str, weight: int = 1) -> int:
    """The least stake of a member (``State.requiredStake``), in base units.

    ``role`` is trainer or verifier; ``weight`` is a verifier's, which its stake has bought where
    anyone may be a verifier.
    """
    if role == "trainer":
        return params.trainer_stake
    return params.verifier_stake * (weight if params.open_verifiers else 1)


def quorum_met(revealed_weight: int, committee_weight: int) -> bool:
    """Whether a round can be settled (``ScoringLogic.settle``), or else is void."""
    return revealed_weight > 0 and 3 * revealed_weight >= 2 * committee_weight


def apart(a: int, b: int, tolerance: int) -> bool:
    """Whether two codes are other verdicts, or scores more than ``tolerance`` steps apart.

    ``Scores.apart``.
    """
    if min(a, b) < LOWEST_SCORE:
        return a != b
    return abs(a - b) > tolerance


def dissents(current: Round, verifier: str, index: int, tolerance: int) -> bool:
    """Whether one of a verifier's codes of an update lies too far from what was settled."""
    if verifier not in current.votes:
        return False
    weight = settled_mixture(current).weights[index]
    return (
        apart(current.votes[verifier][index], current.medians[index], tolerance)
        or abs(current.mixtures[verifier].weights[index] - weight) > tolerance
    )


def rounds_left(task: TaskView, params: TaskParams) -> bool:
    """Whether the task has another round; void ones do not count (``RoundLogic.open``)."""
    return task.current_round - task.empty_rounds < params.max_rounds


def appeal_stage(view: AppealView, now: int) -> AppealStage:
    """Where an appeal stands at the chain's time ``now`` (``AppealLogic._appealIn``)."""
    if view.resolved:
        return AppealStage.RESOLVED
    if view.committed < view.jurors and now < view.commit_deadline:
        return AppealStage.COMMIT
    if view.revealed < view.committed and now < view.reveal_deadline:
        return AppealStage.REVEAL
    return AppealStage.DUE


def round_budget(params: TaskParams) -> int:
    """What opening a round takes out of the escrow, in base units (``RoundLogic.open``)."""
    return params.trainer_budget + params.verifier_budget


def model_due(task: TaskView, last: RoundView, phase: Phase, params: TaskParams) -> int | None:
    """Until when the next round waits for the model of the last one; None if it does not.

    ``RoundLogic._requireSuccessor``; a time of the chain, in seconds.
    """
    if phase is not Phase.FINAL or task.base_attested or not last.payout_total:
        return None
    return last.final_at + params.attest_window


def verdict_name(code: int) -> str:
    """``ok`` for a score, else the verdict's name; ``void`` for 0, where nothing was settled."""
    if code >= LOWEST_SCORE:
        return "ok"
    return Verdict(code).name.lower() if code else "void"


def phase_name(phase: Phase) -> str:
    """A phase as documents and messages write it, for instance ``score-commit``."""
    return phase.name.lower().replace("_", "-")
