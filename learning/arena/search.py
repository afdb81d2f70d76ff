"""An adversary that searches: CMA-ES over composed attacks, for what the rule pays best.

Hansen, Ostermeier, "Completely derandomized self-adaptation in evolution strategies", 2001, as in
Hansen's ``cma`` (extra ``karat[search]``). What it maximises is the attackers' share of the
rewards less the part of their updates that were flagged, as verdicts cost stake. It plays on seeds
of its own, so that what it finds can be measured on others.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from learning.arena.attacks.composed import (
    BOUNDS,
    HONEST,
    Composed,
    build_attack,
    composed_name,
)
from learning.arena.match import Match, PlayedMatch
from learning.arena.tournament import source_digest, workers, write_whole
from learning.errors import ArenaError

SEED_OFFSET = 1_000_000  # the search's seeds are the result's plus this
_SPREAD = 0.3  # of the first candidates, in parts of the bounds


@dataclass(frozen=True)
class Found:
    """The best candidate: as a name that the arena plays, its value, how many were tried."""

    attack: str
    value: float
    tried: int


def search(
    match: Match,
    seeds: Sequence[int],
    budget: int,
    folder: Path,
    jobs: int,
    on_candidate: Callable[[], object] = lambda: None,
) -> Found:
    """Look for the attack that earns most in ``match``, trying ``budget`` candidates.

    ``match``'s attack and seed do not matter; each candidate plays on all ``seeds``. What has been
    tried is kept in ``folder``: the search draws the same candidates again, so that an interrupted
    one goes on, and one with a larger budget goes further. Raises `ArenaError`.
    """
    try:
        import cma  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ArenaError("the search needs cma: pip install 'karat[search]'") from error
    if budget < 1 or not seeds:
        raise ArenaError("a search needs a budget of one candidate and one seed at least")
    matches = [replace(match, attack="composed()", seed=seed + SEED_OFFSET) for seed in seeds]
    options = {"bounds": [0, 1], "seed": 1 + seeds[0], "verbose": -9, "maxfevals": budget}
    strategy = cma.CMAEvolutionStrategy(_to_unit(HONEST), _SPREAD, options)
    best, tried = Found(composed_name({}), float("-inf"), 0), 0
    with workers(jobs) as pool:
        while tried < budget:
            points = strategy.ask()
            asked = [composed_name(_from_unit(point)) for point in points[: budget - tried]]
            values = _values(asked, matches, folder, pool, on_candidate)
            tried += len(asked)
            leader = int(np.argmax(values))
            if values[leader] > best.value:
                best = Found(asked[leader], values[leader], tried)
            if len(asked) == len(points):
                strategy.tell(points, [-value for value in values])
    return replace(best, tried=tried)


def candidate_value(attack: Composed, match: Match) -> float:
    """The attackers' share of the rewards, less the part of their updates that costs them stake."""
    result = PlayedMatch(match, attack).tally.result()
    return (result["attacker_reward_share"] or 0.0) - (result["recall"] or 0.0)


def _values(
    asked: Sequence[str],
    matches: Sequence[Match],
    folder: Path,
    pool: Executor,
    on_candidate: Callable[[], object],
) -> list[float]:
    """Mean values of the candidates, those that are known from ``folder``."""
    paths = [_path(folder, name, matches) for name in asked]
    waiting = {
        path: [pool.submit(_play, name, match) for match in matches]
        for name, path in zip(asked, paths, strict=True)
        if not path.exists()
    }
    values = []
    for path in paths:
        if path in waiting:
            value = fmean(future.result() for future in waiting[path])
            write_whole(path, json.dumps(value))
        values.append(float(json.loads(path.read_text(encoding="utf-8"))))
        on_candidate()
    return values


def _play(name: str, match: Match) -> float:
    attack = build_attack(name)
    assert isinstance(attack, Composed)
    return candidate_value(attack, match)


def _path(folder: Path, name: str, matches: Sequence[Match]) -> Path:
    key = json.dumps([name, [asdict(match) for match in matches], source_digest()], sort_keys=True)
    return folder / f"search-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _to_unit(parts: dict[str, float]) -> list[float]:
    return [(parts[name] - low) / (high - low) for name, (low, high) in BOUNDS.items()]


def _from_unit(point: np.ndarray) -> dict[str, float]:
    return {
        name: float(np.clip(low + value * (high - low), low, high))
        for value, (name, (low, high)) in zip(point, BOUNDS.items(), strict=True)
    }
