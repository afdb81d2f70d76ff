"""What a task fixes for everyone: model, data, training, codec and scoring.

A `TaskSpec` is plain data. Its canonical JSON bytes are what the sponsor publishes and their
SHA-256 digest is what the ledger stores, so two parties with the same digest train and score by
the same rules.
"""

import hashlib
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from learning.canonical import canonical_json

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
MODEL_KIND: Final = "program"  # of a task that somebody wrote, with a bundle
DATA_KIND: Final = "bundle"
# What a stranger's task may ask of a machine; `learning.training.layout_of` bounds the whole model.
MOST_EXAMPLES, MOST_BATCH, MOST_STEPS = 1 << 24, 1 << 16, 1 << 20
MOST_SIZE, MOST_LAYERS, MOST_PARAMETERS = 1 << 20, 1 << 10, 1 << 30
MOST_UPDATE_BYTES, MOST_PART_BYTES = 1 << 32, 1 << 30


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSpec(_Frozen):
    """Which network, and its sizes (each kind reads the sizes it knows, see `models`)."""

    kind: Annotated[str, Field(max_length=64)]
    sizes: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[int, Field(ge=1, le=MOST_SIZE)]],
        Field(max_length=32),
    ] = {}
    init_seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0

    @field_validator("sizes")
    @classmethod
    def _not_too_deep(cls, sizes: dict[str, int]) -> dict[str, int]:
        if sizes.get("layers", 1) > MOST_LAYERS:
            raise ValueError(f"{sizes['layers']} layers; a model has at most {MOST_LAYERS}")
        return sizes


class DataSpec(_Frozen):
    """Which data, and how it is divided.

    ``root`` examples are the verifiers' hold-out, ``test`` examples the sponsor's private test
    set; the rest is partitioned over the trainers, with a Dirichlet(``alpha``) mix of classes
    for each (``alpha`` large: alike; small: each trainer sees few classes). With ``assigned``,
    everyone holds the training part, and each trainer is given that many examples of it, others
    in every round; without, trainers bring their own data, which nobody else sees.
    """

    kind: Annotated[str, Field(max_length=64)]
    root: Annotated[int, Field(ge=1, le=MOST_EXAMPLES)]
    test: Annotated[int, Field(ge=1, le=MOST_EXAMPLES)]
    alpha: Positive = 0.5
    split_seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    assigned: Annotated[int, Field(ge=1, le=MOST_EXAMPLES)] | None = None


class TrainingSpec(_Frozen):
    """One round of a trainer: ``steps`` of SGD with momentum on mini-batches of ``batch``."""

    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    batch: Annotated[int, Field(ge=1, le=MOST_BATCH)]
    lr: Positive
    momentum: Fraction = 0.0
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    optimiser: Literal["sgd", "adamw"] = "sgd"


class CodecSpec(_Frozen):
    """``density``: largest fraction of each tensor that an update may carry.

    ``block``: coordinates that share one power-of-two scale. ``max_bytes``: longest payload.
    """

    density: Annotated[float, Field(gt=0.0, le=1.0)]
    block: Annotated[int, Field(ge=16, le=65536)] = 256
    max_bytes: Annotated[int, Field(ge=1, le=MOST_UPDATE_BYTES)]


class ScoringSpec(_Frozen):
    """What updates are judged on; `docs/scoring.md` has the mathematics.

    batch               sealed examples a round
    probes              family of random changes made to a copy of each, see `learning.judge.probes`
    own_data_sigmas     assigned data preferred by no more standard deviations than this: no pay
    """

    batch: Annotated[int, Field(ge=1, le=MOST_BATCH)] = 256
    probes: Literal["none", "patches", "symbols"] = "none"
    own_data_sigmas: Positive = 2.0


class Part(_Frozen):
    """A file of a task: ``digest`` (hex) of its root block in the content store, ``size`` bytes."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=MOST_PART_BYTES)]


class BundleSpec(_Frozen):
    """The files of a task that somebody wrote, see `learning.tasks.bundle`.

    program    graphs of model, loss and metrics (`learning.program.container`)
    frozen     tensors of the model that are not trained
    holdout    examples that verifiers score on
    sample     a few examples, for trainers to compare theirs with
    test       SHA-256 (hex) of the sponsor's private test examples
    """

    program: Part
    frozen: Part
    holdout: Part
    sample: Part
    test: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every file."""
        return self.program, self.frozen, self.holdout, self.sample


class TaskSpec(_Frozen):
    """A task, as the sponsor publishes it. ``version`` names the rules of this software."""

    version: Literal[1] = 1
    name: Annotated[str, Field(min_length=1, max_length=64)]
    model: ModelSpec
    data: DataSpec
    training: TrainingSpec
    codec: CodecSpec
    scoring: ScoringSpec = ScoringSpec()
    bundle: BundleSpec | None = None

    @model_validator(mode="after")
    def _bundle_is_whole(self) -> Self:
        own = [self.model.kind == MODEL_KIND, self.data.kind == DATA_KIND, self.bundle is not None]
        if any(own) and not all(own):
            raise ValueError(f"model {MODEL_KIND!r}, data {DATA_KIND!r} and a bundle go together")
        if self.bundle is not None and self.data.assigned is not None:
            raise ValueError("a task with a bundle assigns no data")
        return self

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, ASCII."""
        document = self.model_dump(mode="json")
        if self.bundle is None:
            del document["bundle"]
        return canonical_json(document)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TaskSpec":
        """Parse and check; raises pydantic's ``ValidationError`` on anything unexpected."""
        return cls.model_validate_json(data)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes, 32 bytes: what the ledger stores."""
        return hashlib.sha256(self.to_bytes()).digest()
