"""A sponsor's task as a TOML file: what is trained, money, windows and verifiers.

::

    task = "mlp-digits"         # of the registry, or your own: "my_task.py:Churn", a karat.Task
    rounds = 5
    assigned_examples = 128     # of the task's data, to each trainer in each round; without
                                # it trainers bring data of their own

    [rewards]                   # per round, in tokens
    trainers = 1000
    verifiers = 100

    [stakes]
    trainer = 100
    verifier = 200

    [windows]                   # seconds, or "10m", "2h", "1d"
    commit = "10m"
    reveal = "5m"
    score_commit = "10m"
    score_reveal = "5m"

    [[verifiers]]
    account = "0x…"             # an address, or the name of a stored account
    weight = 100
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from chain.evm.addresses import checked_address
from chain.folders import read_small_text
from chain.ledger.bindings.constants import MemberLogic, Rings, TaskLogic
from chain.ledger.bindings.structs import TaskParams, VerifierGrant
from chain.ledger.commitments import LANES
from karat.errors import ConfigError
from karat.money import Money
from karat.protocol.content import Content
from learning import tasks
from learning.score_codes import ZERO_SCORE
from learning.tasks.data import assigned

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})([smhd])")
_MOST_BYTES = 1 << 20


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError('write seconds, or a number with s, m, h or d, for instance "10m"')
        return int(match[1]) * _UNITS[match[2]]
    return value


Window = Annotated[
    int, BeforeValidator(_seconds), Field(ge=TaskLogic.MIN_WINDOW, le=TaskLogic.MAX_WINDOW)
]
OptionalWindow = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=TaskLogic.MAX_WINDOW)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=40)]
Stake = Annotated[Decimal, Field(gt=0, allow_inf_nan=False, max_digits=40)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rewards(_Table):
    """Tokens for one round; the escrow pays for all rounds unless it says otherwise.

    ``full_pay_gain`` is the sum of payout weights, gains in grid steps to the power of
    ``payout_exponent``, that earns all of it; less earns in proportion, 0 lets any gain share all.
    """

    trainers: Stake
    verifiers: Amount
    escrow: Amount | None = None
    payout_exponent: Annotated[int, Field(ge=1, le=3)] = 1
    full_pay_gain: Annotated[int, Field(ge=0, lt=2**40)] = 0


class Stakes(_Table):
    """Tokens that a member must hold in the task."""

    trainer: Stake
    verifier: Stake
    appeal_bond: Amount = Decimal(0)


class Windows(_Table):
    """How long the phases last, in seconds."""

    commit: Window
    reveal: Window
    score_commit: Window
    score_reveal: Window
    attest: OptionalWindow = 300
    appeal: OptionalWindow = 0
    cooldown: OptionalWindow | None = None

    @property
    def round(self) -> int:
        """The longest that a round can take: what a member that leaves is bound for."""
        scoring = self.score_commit + self.score_reveal
        return self.commit + self.reveal + scoring + 3 * self.appeal


class Slashing(_Table):
    """In basis points (100 = 1 %) of the required stake, or of an equal share of a round's budget
    where that is more.
    """

    harmful: BasisPoints = 1_000
    malformed: BasisPoints = 1_000
    duplicate: BasisPoints = 500
    unrevealed: BasisPoints = 1_000
    absent: BasisPoints = 1_000

    @model_validator(mode="after")
    def _is_no_insurance(self) -> Self:
        worst = max(self.harmful, self.malformed, self.duplicate)
        if self.unrevealed < worst:
            raise ValueError(
                f"unrevealed: {self.unrevealed} is less than the worst verdict costs, {worst}: "
                "not to reveal would be an insurance"
            )
        return self


class Grant(_Table):
    """A verifier that may join."""

    account: Annotated[str, Field(min_length=1)]
    weight: Annotated[int, Field(ge=1, le=MemberLogic.MAX_WEIGHT)] = 100


class TaskFile(_Table):
    """The whole file."""

    task: str
    assigned_examples: Annotated[int, Field(ge=1)] | None = None
    rounds: Annotated[int, Field(ge=1, le=Rings.MAX_ROUND)]
    token: Annotated[str, AfterValidator(checked_address)] | None = None
    rewards: Rewards
    stakes: Stakes
    windows: Windows
    slashing: Slashing = Slashing()
    verifiers: list[Grant] = []
    open_verifiers: bool = False
    committee_size: Annotated[int, Field(ge=1, le=TaskLogic.MAX_COMMITTEE)] | None = None
    max_trainers: Annotated[int, Field(ge=1, le=TaskLogic.MAX_TRAINERS)] = 64
    min_updates: Annotated[int, Field(ge=1, le=TaskLogic.MAX_TRAINERS)] = 1
    tolerance: Annotated[int, Field(ge=0, le=ZERO_SCORE)] = 2

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check_task()
        if not self.verifiers and not self.open_verifiers:
            raise ValueError(
                "verifiers: name at least one [[verifiers]], or set open_verifiers = true"
            )
        if sum(grant.weight for grant in self.verifiers) > MemberLogic.MAX_WEIGHT:
            raise ValueError(
                f"verifiers: all weights together must not pass {MemberLogic.MAX_WEIGHT}"
            )
        if self.seats % 2 == 0 and len({grant.weight for grant in self.verifiers}) == 1:
            raise ValueError(
                f"verifiers: {self.seats} of equal weight in a committee can stand half against "
                "half; name an odd number, or give one of them another weight"
            )
        cooldown = self.windows.cooldown
        if cooldown is not None and cooldown < self.windows.round:
            raise ValueError(
                f"windows.cooldown: {cooldown} s is shorter than a round, {self.windows.round} s"
            )
        self._check_appeals()
        if self.min_updates > self.max_trainers:
            raise ValueError("min_updates: a round has no more updates than max_trainers")
        round_budget = self.rewards.trainers + self.rewards.verifiers
        if self.rewards.escrow is not None and self.rewards.escrow < round_budget:
            raise ValueError(
                f"rewards.escrow: {self.rewards.escrow} does not pay for one round, {round_budget}"
            )
        return self

    def _check_task(self) -> None:
        own = ":" in self.task
        if not own and self.task not in tasks.names():
            raise ValueError(
                f"task: there is no {self.task!r}; known: {', '.join(tasks.names())}; your own is "
                "FILE.py:CLASS"
            )
        if own and self.assigned_examples is not None:
            raise ValueError("assigned_examples: trainers bring their data to a task of your own")

    def _check_appeals(self) -> None:
        if not self.windows.appeal:
            return
        if self.windows.appeal < TaskLogic.MIN_APPEAL_WINDOW:
            raise ValueError(
                f"windows.appeal: at least {TaskLogic.MIN_APPEAL_WINDOW} s, or 0 for none"
            )
        least = self.rewards.verifiers / TaskLogic.MAX_COMMITTEE
        if self.stakes.appeal_bond < max(least, Decimal("1e-18")):
            raise ValueError(
                f"stakes.appeal_bond: appeals need a bond above zero, and of at least {least:f}, "
                "a fifteenth of the verifiers' budget, as jurors are paid from it"
            )
        most = LANES * (TaskLogic.MAX_APPEAL_WORDS // self.seats)
        if self.max_trainers > most:
            raise ValueError(
                f"max_trainers: with appeals and a committee of {self.seats} there can be {most} "
                f"at most, not {self.max_trainers}: all their scores must fit one transaction"
            )

    def spec(self) -> tasks.TaskSpec:
        """The task, with the data that trainers are assigned.

        Raises:
            TaskError: there are not so many examples.
            PluginError, ConfigError, ProgramError: a task of one's own cannot be exported.
        """
        registered = tasks.load(self.task)
        if self.assigned_examples is None:
            return registered
        data = registered.data.model_copy(update={"assigned": self.assigned_examples})
        spec = registered.model_copy(update={"data": data})
        assigned(spec, b"", "")
        return spec

    @property
    def seats(self) -> int:
        """Verifiers in a committee: by default as many as there are, an odd number up to 15."""
        if self.committee_size is not None or self.open_verifiers:
            return self.committee_size or TaskLogic.MAX_COMMITTEE
        appointed = len(self.verifiers)
        return min(
            TaskLogic.MAX_COMMITTEE, appointed if appointed < 3 else appointed - (appointed + 1) % 2
        )

    def escrow(self, money: Money) -> int:
        """What the sponsor deposits, in base units."""
        rewards = self.rewards
        if rewards.escrow is not None:
            return money.parse(rewards.escrow)
        return self.rounds * (money.parse(rewards.trainers) + money.parse(rewards.verifiers))

    def grants(self, address_of: Callable[[str], str]) -> list[VerifierGrant]:
        """The appointed verifiers; ``address_of`` finds the address of a named account."""
        return [VerifierGrant(address_of(one.account), one.weight) for one in self.verifiers]

    def params(self, token: str, money: Money, spec: Content, model: Content) -> TaskParams:
        """The rules as the ledger takes them."""
        windows, slashing, stakes = self.windows, self.slashing, self.stakes
        return TaskParams(
            token=token,
            commit_window=windows.commit,
            reveal_window=windows.reveal,
            score_commit_window=windows.score_commit,
            score_reveal_window=windows.score_reveal,
            appeal_window=windows.appeal,
            attest_window=windows.attest,
            cooldown=windows.round if windows.cooldown is None else windows.cooldown,
            trainer_budget=money.parse(self.rewards.trainers),
            verifier_budget=money.parse(self.rewards.verifiers),
            payout_exponent=self.rewards.payout_exponent,
            committee_size=self.seats,
            open_verifiers=self.open_verifiers,
            full_pay_gain=self.rewards.full_pay_gain,
            min_updates=self.min_updates,
            tolerance=self.tolerance,
            slash_harmful=slashing.harmful,
            slash_malformed=slashing.malformed,
            slash_duplicate=slashing.duplicate,
            slash_unrevealed=slashing.unrevealed,
            slash_absent=slashing.absent,
            max_trainers=self.max_trainers,
            max_rounds=self.rounds,
            trainer_stake=money.parse(stakes.trainer),
            verifier_stake=money.parse(stakes.verifier),
            appeal_bond=money.parse(stakes.appeal_bond),
            spec_digest=spec.digest,
            model_digest=model.digest,
            model_size=model.size,
        )


def load_task_file(path: Path) -> TaskFile:
    """Read and check a task file.

    Raises:
        ConfigError: it cannot be read, or a field is wrong; the message names field and reason.
    """
    try:
        document = tomllib.loads(read_small_text(path, _MOST_BYTES), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # tomllib.TOMLDecodeError, too long, or no text
        raise ConfigError(f"{path} is not TOML: {error}") from error
    if isinstance(task := document.get("task"), str) and ":" in task:
        document["task"] = str(path.parent / task)
    try:
        return TaskFile(**document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {'; '.join(_reasons(error.errors()))}") from error


def _reasons(errors: Sequence[Any]) -> list[str]:
    reasons = []
    for one in errors:
        field = ".".join(str(part) for part in one["loc"] if part != "function-before")
        message = one["msg"].removeprefix("Value error, ")
        reasons.append(f"{field}: {message}" if field else message)
    return reasons
