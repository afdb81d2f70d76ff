"""Receipts of a large task: ``python -m benchmarks.receipts [--json] [--trainers N --rounds N]``.

Updates as trainers of ``mlp-digits`` send them, as bytes, for every trainer in every round,
with weights and movements as settled rounds have them; then what `learning.receipts` needs from
those bytes to every trainer's contribution and leave-one-out: seconds and processor seconds of
decoding and of the receipts. ``karat.receipts-benchmark/1``.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from learning.codec import Codec  # noqa: E402
from learning.receipts import Step, receipts  # noqa: E402
from learning.tasks import get as get_task  # noqa: E402
from learning.tasks.data import divided  # noqa: E402
from learning.training import initial_model, layout_of  # noqa: E402

TASK = get_task("mlp-digits")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    codec = Codec(TASK.codec, layout_of(TASK))
    payloads = [_payloads(codec, given.trainers, number) for number in range(given.rounds)]
    first = initial_model(TASK)
    divided(TASK)
    began = _clocks()
    steps = [_step(codec, n, one) for n, one in enumerate(payloads, 1)]
    decoded = _clocks()
    whole = receipts(TASK, first, steps)
    done = _clocks()
    assert len(whole.contributions) == given.trainers
    decoding, computing = _passed(began, decoded), _passed(decoded, done)
    row = {
        "schema": "karat.receipts-benchmark/1",
        "trainers": given.trainers,
        "rounds": given.rounds,
        "decoding_s": decoding[0],
        "decoding_cpu_s": decoding[1],
        "receipts_s": computing[0],
        "receipts_cpu_s": computing[1],
    }
    if given.json:
        print(json.dumps(row))
    else:
        print("\n".join(f"{name:16}{value}" for name, value in row.items()))


def _payloads(codec: Codec, trainers: int, number: int) -> list[bytes]:
    rng = np.random.default_rng(number)
    deltas = rng.standard_normal((trainers, codec.layout.total), dtype=np.float32) / 100
    return [codec.encode(delta) for delta in deltas]


def _step(codec: Codec, number: int, payloads: list[bytes]) -> Step:
    names = tuple(f"0x{i:040x}" for i in range(len(payloads)))
    updates = tuple(codec.decode(payload) for payload in payloads)
    weights = (max(1, (1 << 14) // len(payloads)),) * len(payloads)
    return Step(number, names, updates, weights, {1: 2000, 4: -500})


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _passed(began: tuple[float, float], ended: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = (round(b - a, 2) for a, b in zip(began, ended, strict=True))
    return wall, cpu


if __name__ == "__main__":
    main()
