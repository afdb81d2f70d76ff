"""What judging a round of many large updates takes: ``python -m benchmarks.memory [--json]``.

A perceptron of a million parameters on the digits, updates of a tenth of them (a real step, scaled,
with noise of its own), judged as a daemon does, with the room for decoded updates that it has by
default. Each number of updates in a process of its own: seconds of the judging, and the most memory
that the process ever held. ``karat.memory/1``.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from karat.config import MEMORY  # noqa: E402
from learning import tasks  # noqa: E402
from learning.codec import Codec  # noqa: E402
from learning.judge.decoded import Room  # noqa: E402
from learning.judge.history import History  # noqa: E402
from learning.judge.intake import SubmittedUpdate  # noqa: E402
from learning.judge.verifier import score_round  # noqa: E402
from learning.tasks.data import partition  # noqa: E402
from learning.tasks.spec import TaskSpec  # noqa: E402
from learning.training import initial_model, layout_of, train  # noqa: E402

HIDDEN, DENSITY, SHARDS = 13_333, 0.1, 4


def task() -> TaskSpec:
    """The digits with a wide layer: 999,985 parameters."""
    known = tasks.get("mlp-digits")
    model = known.model.model_copy(update={"sizes": {**known.model.sizes, "hidden": HIDDEN}})
    codec = known.codec.model_copy(update={"density": DENSITY, "max_bytes": 1 << 20})
    training = known.training.model_copy(update={"steps": 4, "lr": 0.1})
    return known.model_copy(update={"model": model, "codec": codec, "training": training})


def submitted(spec: TaskSpec, count: int, memory: int) -> list[SubmittedUpdate]:
    """That many different updates of the first model."""
    base, codec, room = initial_model(spec), Codec(spec.codec, layout_of(spec)), Room(memory)
    steps = [
        train(spec, base, shard, i, "cpu")
        for i, shard in enumerate(partition(spec, SHARDS, seed=0))
    ]
    rng, updates = np.random.default_rng(0), []
    for index in range(count):
        step = steps[index % SHARDS]
        noise = rng.normal(0.0, step.std(), len(step)).astype(np.float32)
        payload = codec.encode(step * np.float32(rng.uniform(0.5, 1.5)) + noise)
        digest = hashlib.sha256(payload).digest()
        one = SubmittedUpdate(index, str(index), digest, len(payload), index, payload, room)
        updates.append(one)
    return updates


def measure(count: int, memory: int) -> dict[str, float]:
    """One round in this process."""
    spec = task()
    base = initial_model(spec)
    updates = submitted(spec, count, memory)
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    scores = score_round(spec, base, updates, 7, History(base), "cpu")
    return {
        "updates": count,
        "parameters": base.layout.total,
        "payload_bytes": sum(update.size for update in updates),
        "paid": int((scores.codes > 16_384).sum()),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_before_bytes": before,
        "peak_bytes": _peak(),
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, nargs="+", default=[64, 256, 1000])
    parser.add_argument("--memory", type=int, default=MEMORY // 2, help="MiB of one round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        json.dump(measure(options.child, options.memory << 20), sys.stdout)
        return
    rows = []
    for count in options.updates:
        argv = [sys.executable, "-m", "benchmarks.memory", "--child", str(count)]
        argv += ["--memory", str(options.memory)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, cwd=sys.path[0])
        rows.append(json.loads(done.stdout))
        if not options.json:
            print(", ".join(f"{name} {value:,}" for name, value in rows[-1].items()), flush=True)
    if options.json:
        document = {"schema": "karat.memory/1", "room_mib": options.memory, "rounds": rows}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
