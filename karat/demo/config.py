"""What a demo run is made of: chain, store, seed, and the cast."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, get_args

from chain.devnet.anvil import find_anvil
from chain.errors import NodeMissing
from karat.errors import ConfigError
from learning import tasks

NodeKind = Literal["anvil", "hardhat", "embedded"]

VERIFIERS = 3
ATTACKERS = (
    ("flipper", "label-flip"),
    ("copycat", "copy"),
    ("sybil-1", "sybil"),
    ("sybil-2", "sybil"),
    ("insider", "past-masked"),
)
TOKEN = 10**18  # base units of one token

ROUND_BUDGET = 1_000 * TOKEN  # rewards of all trainers in one round
VERIFIER_BUDGET = 100 * TOKEN
TRAINER_STAKE = 100 * TOKEN
VERIFIER_STAKE = 200 * TOKEN
GENESIS = 1_767_225_600  # 2026-01-01T00:00:00Z: a fixed start makes a seed repeat block hashes


STEPS = ("commit", "reveal", "score-commit", "score-reveal", "attest")


@dataclass(frozen=True)
class Drop:
    """A participant that dies: from ``step`` of ``round`` on it does nothing any more."""

    name: str
    round: int
    step: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``NAME@ROUND:STEP``, for instance ``honest-3@2:reveal``.

        Raises:
            ConfigError: it does not have that form.
        """
        name, _, rest = text.partition("@")
        number, _, step = rest.partition(":")
        if not name or not number.isdigit() or step not in STEPS:
            raise ConfigError(
                f"cannot drop {text!r}: write NAME@ROUND:STEP, for instance honest-3@2:reveal, "
                f"with a step out of {', '.join(STEPS)}"
            )
        return cls(name, int(number), step)

    def holds(self, round_number: int, step: str) -> bool:
        """Whether the participant is dead by this step."""
        return (round_number, STEPS.index(step)) >= (self.round, STEPS.index(self.step))


@dataclass(frozen=True)
class DemoConfig:
    """A checked configuration; build it with :meth:`make`."""

    rounds: int
    seed: int
    node: NodeKind
    store_url: str
    out: Path
    device: str
    drops: tuple[Drop, ...] = ()
    attackers: bool = True
    task: str = "mlp-digits"
    honest: int = 8
    notices: list[str] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        *,
        rounds: int,
        seed: int,
        node: str,
        ipfs: str | None,
        out: Path | None,
        device: str,
        drops: Sequence[str] = (),
        attackers: bool = True,
        task: str = "mlp-digits",
        honest: int = 8,
    ) -> Self:
        """Choose what was left open and make the output folder.

        Raises:
            UnknownNameError: there is no such task.
            ConfigError: the task assigns its data, the node kind is unknown, nobody can be dropped
                so, or the folder cannot be made or is not empty.
        """
        _check_task(task)
        kind, notices = _node_kind(node)
        dropped = tuple(Drop.parse(text) for text in drops)
        for text, drop in zip(drops, dropped, strict=True):
            _check_drop(text, drop, rounds, players(attackers, honest))
        folder = _output_folder(out)
        store_url = f"ipfs:{ipfs}" if ipfs else f"local:{folder / 'store'}"
        return cls(
            rounds,
            seed,
            kind,
            store_url,
            folder,
            device,
            dropped,
            attackers,
            task,
            honest,
            notices,
        )


def players(attackers: bool, honest: int) -> list[tuple[str, str]]:
    """Name and role of all who take part but the sponsor, verifiers first."""
    verifiers = [(f"verifier-{i + 1}", "verifier") for i in range(VERIFIERS)]
    workers = [(f"honest-{i + 1}", "honest") for i in range(honest)]
    return verifiers + workers + (list(ATTACKERS) if attackers else [])


def _check_task(name: str) -> None:
    if tasks.get(name).data.assigned is not None:
        raise ConfigError(
            f"the demo gives trainers data of their own, and {name} assigns its data: "
            "choose a task that does not"
        )


def _check_drop(text: str, drop: Drop, rounds: int, who: list[tuple[str, str]]) -> None:
    names = [name for name, _ in who]
    if drop.name not in names:
        raise ConfigError(
            f"cannot drop {text!r}: there is no {drop.name!r}, only {', '.join(names)}"
        )
    if not 1 <= drop.round <= rounds:
        raise ConfigError(f"cannot drop {text!r}: there are rounds 1 to {rounds}")


def _node_kind(name: str) -> tuple[NodeKind, list[str]]:
    if name == "auto":
        try:
            find_anvil()
        except NodeMissing:
            return "embedded", ["Anvil was not found: running on the embedded EVM instead."]
        return "anvil", []
    for kind in get_args(NodeKind):
        if name == kind:
            return kind, []
    raise ConfigError(f"unknown node {name!r}: choose anvil, hardhat, embedded or auto")


def _output_folder(wanted: Path | None) -> Path:
    if wanted is None:
        base = Path("karat-demo")
        number = 1 + max((_run_number(path) for path in base.glob("run-*")), default=0)
        wanted = base / f"run-{number:03d}"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise ConfigError(f"the output folder {wanted} is not empty: name another with --out")
    except OSError as error:
        raise ConfigError(f"cannot write to {wanted}: {error.strerror}") from error
    return wanted.resolve()


def _run_number(path: Path) -> int:
    digits = path.name.removeprefix("run-")
    return int(digits) if digits.isdigit() else 0
