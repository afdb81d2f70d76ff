"""The evidence behind a vote: all that is needed to repeat and to dispute it. One model of it.

The verifier fills it, the page and every script read it, and both sides agree on the bytes: JSON of
which there is one text only, floats rounded so that two machines write the same. Light: it loads
neither torch nor numpy.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from learning.canonical import canonical_json
from learning.errors import EvidenceError

SCHEMA: Final = "karat.evidence/1"
MOST_UPDATES: Final = 1 << 16
_DIGITS = 5  # significant; float32 sums differ in the seventh between machines
_DECIMALS = 6  # and nothing finer: the codes' own grid is 6e-5


def rounded(value: float) -> float:
    """``value`` at five significant digits, and at six decimals."""
    return round(float(f"{value:.{_DIGITS}g}"), _DECIMALS) + 0.0  # no minus zero


Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(rounded)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]*$", max_length=128)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Signal(_Part):
    """A measured value beside its threshold."""

    value: Number
    threshold: Number


class Reason(_Part):
    """A reason against an update: the verdict, or None if it only loses its pay."""

    verdict: str | None = Field(default=None, max_length=64)
    reason: str
    related: str | None = Field(default=None, description="Digest of the update it is a copy of.")
    signals: dict[str, Signal] = Field(default={}, max_length=32)


class Entry(_Part):
    """What is said of one update.

    ``gain`` is its credit, the part of the task's first loss that it removed; ``weight`` how much
    of it the next model takes, in units of 2**-14; ``seat`` how many accounts sent the same bytes.
    """

    index: int = Field(ge=0, lt=MOST_UPDATES)
    code: int = Field(ge=0, lt=1 << 15)
    trainer: str | None = Field(default=None, max_length=64)
    digest: Hex | None = None
    verdict: str | None = Field(default=None, max_length=64)
    findings: tuple[Reason, ...] = Field(default=(), max_length=64)
    content_digest: Hex | None = None
    norm: Number | None = None
    gain: Number | None = None
    weight: int | None = None
    seat: int | None = None


class Evidence(_Part):
    """The document of one verifier about one round.

    ``task`` and ``base`` are digests, ``seed`` the round's, as a decimal number; ``loss`` is the
    base model's on the batch, ``next_loss`` the next one's, ``first_loss`` the task's first
    model's, ``least_loss`` the least so far; ``paid_part`` the part of the credits that lies
    beyond it. ``clip`` bounds norms; ``public`` the unpaid step, by age of the movement in rounds,
    in units of 2**-13.
    """

    kind: Literal["karat.evidence/1"] = Field(default=SCHEMA, alias="schema")
    task: Hex | None = None
    base: Hex | None = None
    seed: str | None = Field(default=None, max_length=80)
    rules: dict[str, Any] = Field(default={}, max_length=64)
    batch_ids: tuple[int, ...] = Field(default=(), max_length=1 << 20)
    loss: Number | None = None
    next_loss: Number | None = None
    first_loss: Number | None = None
    least_loss: Number | None = None
    paid_part: Number | None = None
    clip: Number | None = None
    public: dict[str, int] = Field(default={}, max_length=64)
    updates: tuple[Entry, ...] = Field(max_length=MOST_UPDATES)

    def entry(self, index: int) -> Entry | None:
        """What it says of the update with this index."""
        return next((entry for entry in self.updates if entry.index == index), None)

    def to_bytes(self) -> bytes:
        """Its only text: canonical JSON."""
        return canonical_json(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what may come from anybody.

        Raises:
            EvidenceError: it is no evidence; the message names the first thing that is wrong.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise EvidenceError(f"{where}: {first['msg']}" if where else first["msg"]) from error
