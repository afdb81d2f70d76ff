"""Many matches: every combination of what was asked for, over processes, resumable."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import torch

import learning
from learning import tasks
from learning.arena.attacks.composed import build_attack
from learning.arena.defence import defence_names
from learning.arena.match import Match, Row, play
from learning.arena.scenarios import SCENARIOS
from learning.errors import ArenaError, UnknownNameError
from learning.training import pick_device

MAX_MATCHES = 100_000


@dataclass(frozen=True)
class Tournament:
    """Lists to combine: a match for every combination of their items."""

    attacks: Sequence[str]
    defences: Sequence[str]
    task: str = "mlp-digits"
    device: str = "cpu"
    honest: Sequence[int] = (14,)
    attackers: Sequence[int] = (6,)
    alpha: Sequence[float] = (0.5,)
    rounds: Sequence[int] = (30,)
    seeds: Sequence[int] = (0,)
    scenario: str = "dirichlet"

    def matches(self) -> list[Match]:
        """All matches, in the order of the lists; ``none`` is played once per defence and seed.

        Raises :class:`UnknownNameError` for a name that does not exist and :class:`ArenaError`
        for an empty list, a senseless number or more than :data:`MAX_MATCHES`.
        """
        self._check_names()
        counts = (self.honest, self.attackers, self.alpha, self.rounds, self.seeds)
        combined = [
            Match(
                self.task,
                attack,
                defence,
                honest,
                attackers,
                alpha,
                rounds,
                seed,
                self.device,
                self.scenario,
            )
            for attack, defence in product(self.attacks, self.defences)
            for honest, attackers, alpha, rounds, seed in product(*counts)
            if attack != "none" or attackers == self.attackers[0]
        ]
        if not 0 < len(combined) <= MAX_MATCHES:
            raise ArenaError(f"{len(combined)} matches asked for; 1 to {MAX_MATCHES} are possible")
        return combined

    def _check_names(self) -> None:
        tasks.load(self.task)
        if self.scenario not in SCENARIOS:
            raise UnknownNameError(
                f"no scenario is called {self.scenario!r}; there are {', '.join(SCENARIOS)}"
            )
        pick_device(self.device)
        for attack in self.attacks:
            build_attack(attack)
        known = defence_names()
        for defence in self.defences:
            if defence not in known and ":" not in defence:
                raise UnknownNameError(
                    f"there is no defence {defence!r}; known: {', '.join(known)}; "
                    "your own is FILE.py:NAME"
                )


class Results:
    """Rows on disk, one file per match, so that an interrupted tournament can go on.

    A row is filed under the match, this package's source code and, for a user's own attack,
    defence or task, that file's or task's content: it is played anew when any of them changes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, match: Match) -> Row | None:
        """The row of a match, or None if it has not been played; damaged files count as none."""
        try:
            return Row(**json.loads(self._path(match).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def put(self, match: Match, row: Row) -> None:
        """File a row; a reader sees all of it or nothing."""
        write_whole(self._path(match), json.dumps(row.to_json()))

    def _path(self, match: Match) -> Path:
        plugins = [_content(name) for name in (match.attack, match.defence) if ":" in name]
        if ":" in match.task:
            plugins.append(tasks.load(match.task).digest.hex())
        key = json.dumps([asdict(match), source_digest(), plugins], sort_keys=True)
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def run(
    matches: Iterable[Match],
    results: Results,
    jobs: int,
    on_row: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Play what has not been played yet, ``jobs`` at a time; rows in the order of the matches.

    ``on_row`` is called for each row as it comes in. A match that fails ends the tournament with
    its error; rows so far are kept.
    """
    if jobs < 1:
        raise ArenaError(f"at least one job is needed, not {jobs}")
    rows: dict[Match, Row] = {}
    missing = []
    for match in matches:
        row = results.get(match)
        if row is None:
            missing.append(match)
        else:
            rows[match] = row
            on_row()
    for match, row in _play_all(missing, min(jobs, len(missing))):
        results.put(match, row)
        rows[match] = row
        on_row()
    return [rows[match] for match in matches]


def _play_all(matches: Sequence[Match], jobs: int) -> Iterator[tuple[Match, Row]]:
    """Rows as they are finished. One job plays in this process."""
    if jobs <= 1:
        for match in matches:
            yield match, play(match)
        return
    with workers(jobs) as pool:
        waiting: dict[Future[Row], Match] = {pool.submit(play, match): match for match in matches}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes of one thread each."""
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread_each(),
        ProcessPoolExecutor(jobs, mp_context=context, initializer=_calm_torch) as pool,
    ):
        yield pool


def _calm_torch() -> None:
    torch.set_num_threads(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers that start meanwhile use one thread each: more would only get in each other's way."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Digest of all Python files of this package."""
    root = Path(learning.__file__).parent
    hasher = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        hasher.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file of which a reader sees all or nothing."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _content(plugin: str) -> str:
    return hashlib.sha256(Path(plugin.rpartition(":")[0]).read_bytes()).hexdigest()
