"""Why an update was paid what it was paid, in words and numbers.

Amounts, codes and verdicts are the chain's; what was measured is from the evidence of a
verifier whose vote is what was settled. Where no such evidence can be read, that is said; nothing
is guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from chain.ledger.bindings.structs import TaskParams
from karat.money import Money
from karat.protocol.rules import SLASHABLE, earned, gain, payout_total, verdict_name
from karat.protocol.state import Outcome, Revealed, Round
from karat.text import clean
from learning.evidence import Entry, Evidence, Reason
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.scores import GRID


class Case(StrEnum):
    """What became of a trainer's round."""

    NOT_COMMITTED = "not-committed"
    NOT_REVEALED = "not-revealed"
    OPEN = "open"
    VOID = "void"
    PAID = "paid"
    HARMFUL = "harmful"
    MALFORMED = "malformed"
    DUPLICATE = "duplicate"
    STALE = "stale"
    UNAVAILABLE = "unavailable"
    DATA_UNUSED = "data-unused"
    NO_PROGRESS = "no-progress"
    BELOW_A_STEP = "below-a-step"
    NOTHING_ADDED = "nothing-added"
    UNEXPLAINED = "unexplained"


CHANGE: Mapping[Case, str] = {
    Case.NOT_COMMITTED: "Commit before the commit phase ends; `trainer run` does it in time.",
    Case.NOT_REVEALED: "Keep the trainer running until the reveal phase; `trainer run` reveals.",
    Case.OPEN: "Nothing; ask again when the round has ended.",
    Case.VOID: "Nothing; the round was the verifiers' to score.",
    Case.PAID: "More pay takes progress that the others do not make: other data, or more of it.",
    Case.HARMFUL: "Check labels and scaling of the data; an appeal costs a bond.",
    Case.MALFORMED: "Let the trainer's commands encode the update; a changed file is none.",
    Case.DUPLICATE: "Send an update trained from this round's base.",
    Case.STALE: "Train from the current round's base: `trainer base` writes it.",
    Case.UNAVAILABLE: "Keep the store reachable until the round is settled, or publish to two.",
    Case.DATA_UNUSED: "Train on the examples that the task assigns to this account.",
    Case.NO_PROGRESS: "Nothing in this update; the round as a whole did not pass the best model "
    "so far.",
    Case.BELOW_A_STEP: "Train longer, or on more data than the others have seen.",
    Case.NOTHING_ADDED: "Check labels and scaling of the data; then use data that the others lack.",
    Case.UNEXPLAINED: "Ask the verifier for its evidence, or appeal if the code is wrong.",
}


@dataclass(frozen=True)
class Why:
    """The answer. ``numbers`` has what the sentences quote, by name.

    ``index`` and ``code`` are None where nothing was revealed or settled. Amounts are base units.
    """

    case: Case
    answer: tuple[str, ...]
    change: str
    index: int | None = None
    code: int | None = None
    reward: int = 0
    slashed: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)


def explain(
    params: TaskParams,
    current: Round,
    trainer: str,
    money: Money,
    read: Callable[[str], Evidence | str],
) -> Why:
    """Why ``trainer`` was paid in a round what it was paid.

    ``read`` gives a verifier's evidence of the round, or one sentence why there is none.
    """
    revealed = next((update for update in current.updates if update.trainer == trainer), None)
    slashed = current.slashes.get(trainer, 0)
    lost = (f"{money.show(slashed)} of the stake were slashed.",) if slashed else ()
    if revealed is None:
        case, line = _unrevealed(current, trainer)
        return Why(case, (line, *lost), CHANGE[case], slashed=slashed)
    if current.outcome is not Outcome.SETTLED:
        case, line = _unsettled(current, revealed)
        return Why(case, (line, *lost), CHANGE[case], revealed.index, slashed=slashed)
    code = current.medians[revealed.index]
    reward = earned(params, current, code)
    settled = _Settled(params, current, revealed, code, read)
    case, found = settled.case()
    paid = money.show(reward)
    answer = (*settled.outcome(case, paid), *found, *settled.votes(), *settled.others(), *lost)
    return Why(case, answer, CHANGE[case], revealed.index, code, reward, slashed, settled.numbers())


def _unrevealed(current: Round, trainer: str) -> tuple[Case, str]:
    where = f"round {current.number}"
    if trainer not in current.commits:
        return Case.NOT_COMMITTED, f"This account committed to no update in {where}."
    if current.outcome is Outcome.OPEN:
        return Case.OPEN, f"An update of {where} is committed to and not revealed yet."
    return Case.NOT_REVEALED, f"The update of {where} was committed to and never revealed."


def _unsettled(current: Round, revealed: Revealed) -> tuple[Case, str]:
    where = f"Update {revealed.index} of round {current.number}"
    if current.outcome is Outcome.OPEN:
        return Case.OPEN, f"{where} is revealed; the round is not settled yet."
    return Case.VOID, (
        f"{where} got no code: the round is void, as {len(current.votes)} of "
        f"{len(current.committee)} verifiers voted, too little weight. Nobody is paid or judged."
    )


class _Settled:
    """An update of a settled round, beside the evidence that its code rests on."""

    def __init__(
        self,
        params: TaskParams,
        current: Round,
        revealed: Revealed,
        code: int,
        read: Callable[[str], Evidence | str],
    ) -> None:
        self.params, self.current = params, current
        self.revealed, self.code = revealed, code
        self.evidence: Evidence | None = None
        self.entry: Entry | None = None
        self.trouble: list[str] = []
        for verifier in self._witnesses():
            told = read(verifier)
            problem = told if isinstance(told, str) else self._contradiction(told, verifier)
            if problem is None and isinstance(told, Evidence):
                self.evidence, self.entry = told, told.entry(revealed.index)
                return
            self.trouble.append(
                f"The evidence of {verifier} is of no use: {clean(problem).rstrip('.')}."
            )

    def _witnesses(self) -> list[str]:
        """Verifiers that voted what was settled."""
        index = self.revealed.index
        return [who for who, codes in self.current.votes.items() if codes[index] == self.code]

    def _contradiction(self, told: Evidence, verifier: str) -> str | None:
        entry, vote = told.entry(self.revealed.index), self.current.votes[verifier]
        if entry is None or entry.digest != self.revealed.digest.hex():
            return "it says nothing of this update"
        if vote[entry.index] != entry.code:
            return f"it gives the code {entry.code}, and the vote was {vote[entry.index]}"
        return None

    def case(self) -> tuple[Case, tuple[str, ...]]:
        """Which case it is, and what was measured."""
        if 0 < self.code < LOWEST_SCORE:
            return Case(verdict_name(self.code)), self._verdict()
        if self.entry is None or self.evidence is None:
            case = Case.PAID if self.code > ZERO_SCORE else Case.UNEXPLAINED
            return case, self._no_evidence()
        if self.code > ZERO_SCORE:
            return Case.PAID, self._paid(self.entry, self.evidence)
        return self._unpaid(self.entry, self.evidence)

    def _no_evidence(self) -> tuple[str, ...]:
        if self.trouble:
            return tuple(self.trouble)
        return ("No verifier voted this code, so no evidence explains it.",)

    def _verdict(self) -> tuple[str, ...]:
        if self.entry is None:
            return self._no_evidence()
        reasons = [f"Found: {clean(one.reason)}{_signals(one)}." for one in self.entry.findings]
        return tuple(reasons) or ("The evidence gives no reason for the verdict.",)

    def _paid(self, entry: Entry, evidence: Evidence) -> tuple[str, ...]:
        found = [] if entry.gain is None else [f"{_removed(entry.gain)}."]
        return (*found, *_reductions(entry, evidence))

    def _unpaid(self, entry: Entry, evidence: Evidence) -> tuple[Case, tuple[str, ...]]:
        unpaid = [one for one in entry.findings if one.verdict is None]
        if unpaid:
            return Case.DATA_UNUSED, tuple(f"It {clean(o.reason)}{_signals(o)}." for o in unpaid)
        if entry.gain is None:
            return Case.UNEXPLAINED, ("The evidence measures no credit of this update.",)
        if evidence.paid_part == 0 and evidence.least_loss is not None:
            return Case.NO_PROGRESS, (
                f"The next model's loss, {_number(evidence.next_loss)}, is not below the least so "
                f"far, {_number(evidence.least_loss)}: no update of the round was paid.",
            )
        missed = 0.5 / GRID - entry.gain
        words = f"{_removed(entry.gain)}; pay begins at {0.5 / GRID:.3%}"
        step = f"{words}, which it missed by {missed:.3%} of that loss."
        case = Case.BELOW_A_STEP if entry.gain > 0 else Case.NOTHING_ADDED
        return case, (step, *_reductions(entry, evidence))

    def outcome(self, case: Case, reward: str) -> tuple[str, ...]:
        """What the chain says; ``reward`` in words."""
        where = f"Update {self.revealed.index} of round {self.current.number}"
        appeal = self.current.appeals.get(self.revealed.index)
        appealed: tuple[str, ...] = ()
        if appeal is not None and appeal.upheld:
            appealed = (f"An appeal replaced the code {appeal.old_code} by {appeal.new_code}.",)
        if self.code < LOWEST_SCORE:
            slash = "which costs stake" if self.code in SLASHABLE else "which costs no stake"
            return (f"{where} was judged {verdict_name(self.code)}, {slash}; it is not paid.",
                    *appealed)  # fmt: skip
        if case is Case.PAID:
            return (f"{where} was paid {reward}: {self._share()}.", *appealed)
        taken = "The next model may take it" if self.code == ZERO_SCORE else "Nor is it taken"
        return (f"{where} is sound and not paid: its code is {self.code}, and pay begins at "
                f"{ZERO_SCORE + 1}. {taken}.", *appealed)  # fmt: skip

    def _share(self) -> str:
        """What part of the budget it is, by the steps that were credited."""
        exponent, full = self.params.payout_exponent, self.params.full_pay_gain
        steps, total = gain(self.code), sum(map(gain, self.current.medians))
        power = f", taken to the power {exponent}" if exponent != 1 else ""
        if payout_total(self.current.medians, exponent) >= full:
            return f"{steps:,} of the round's {total:,} steps of 1/{GRID}{power}"
        return f"{steps:,} steps of 1/{GRID}{power}, where {full:,} earn a round's whole budget"

    def votes(self) -> tuple[str, ...]:
        """How far the verifiers differed."""
        codes = [codes[self.revealed.index] for codes in self.current.votes.values()]
        if len(set(codes)) < 2:
            return ()
        listed = ", ".join(map(str, sorted(codes)))
        return (f"The verifiers' codes differ: {listed}; the weighted median counts.",)

    def others(self) -> tuple[str, ...]:
        """What became of the round's other updates."""
        medians = self.current.medians
        rest = [code for i, code in enumerate(medians) if i != self.revealed.index]
        if not rest:
            return ("It was the only update of the round.",)
        paid = [gain(code) for code in rest if gain(code)]
        line = f"Of the other {len(rest)}, {len(paid)} {'was' if len(paid) == 1 else 'were'} paid"
        if paid:
            line += f": {median(paid):,.0f} steps in the median, {max(paid):,} at most"
        return (f"{line}.",)

    def numbers(self) -> dict[str, float]:
        """What was measured, by the evidence's names; without those that were not."""
        if self.entry is None or self.evidence is None:
            return {}
        found = {
            "gain": self.entry.gain,
            "weight": self.entry.weight,
            "seat": self.entry.seat,
            "norm": self.entry.norm,
            "clip": self.evidence.clip,
            "loss": self.evidence.loss,
            "next_loss": self.evidence.next_loss,
            "first_loss": self.evidence.first_loss,
            "least_loss": self.evidence.least_loss,
            "paid_part": self.evidence.paid_part,
        }
        return {name: float(value) for name, value in found.items() if value is not None}


def _removed(credit: float) -> str:
    """A credit, as a part of the first model's loss."""
    if credit == 0:
        return "Beside the others it removed nothing of the first model's loss"
    did = f"removed {credit:.3%} of" if credit > 0 else f"added {-credit:.3%} to"
    return f"Beside the others it {did} the first model's loss"


def _reductions(entry: Entry, evidence: Evidence) -> tuple[str, ...]:
    """What made a credit smaller than the update alone would have it."""
    found = []
    if entry.seat is not None and entry.seat > 1:
        found.append(f"{entry.seat} accounts sent the same update and share its credit.")
    if entry.norm is not None and evidence.clip is not None and entry.norm > evidence.clip:
        norm, clip = _number(entry.norm), _number(evidence.clip)
        found.append(f"Its norm {norm} exceeds the round's limit {clip}, to which it was cut.")
    if evidence.paid_part is not None and evidence.paid_part < 1:
        part = f"{evidence.paid_part:.1%}"
        found.append(f"Only {part} of the round's credits lie beyond the best model so far.")
    return tuple(found)


def _signals(reason: Reason) -> str:
    told = [
        f"{clean(name, 40)} {_number(signal.value)}, limit {_number(signal.threshold)}"
        for name, signal in reason.signals.items()
    ]
    return f" ({'; '.join(told)})" if told else ""


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
