"""What the start of a daemon takes, in processor seconds: ``python -m benchmarks.start [--json]``.

As the command line starts one: import it, and for a verifier score two updates of the digits task,
which it does before its first window. Medians of runs in processes of their own, which take turns.
``karat.start/1``.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

_BEGIN = "import gc; gc.set_threshold(50_000); import karat.cli.app, time\n"
_TOLD = "print(time.process_time())\n"
_SCORE = """
import hashlib, numpy
from learning import tasks
from learning.codec import Codec
from learning.judge.history import History
from learning.judge.intake import SubmittedUpdate
from learning.judge.verifier import score_round
from learning.training import initial_model, layout_of
spec = tasks.get("mlp-digits")
base, codec, updates = initial_model(spec), Codec(spec.codec, layout_of(spec)), []
for i in range(2):
    delta = numpy.random.default_rng(i).normal(0, 1e-3, base.layout.total).astype("f4")
    payload = codec.encode(delta)
    digest = hashlib.sha256(payload).digest()
    updates.append(SubmittedUpdate(i, str(i), digest, len(payload), i, payload))
score_round(spec, base, updates, 0, History(base), "cpu")
"""
PROGRAMS = {
    "trainer": _BEGIN + "import karat.sdk.training\n" + _TOLD,
    "verifier": _BEGIN + "import karat.sdk.judging\n" + _SCORE + _TOLD,
}


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(options.runs):
        for name, program in PROGRAMS.items():
            argv = [sys.executable, "-c", program]
            done = subprocess.run(
                argv, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1]
            )
            seconds[name].append(float(done.stdout))
    medians = {name: round(statistics.median(each), 2) for name, each in seconds.items()}
    if options.json:
        document = {"schema": "karat.start/1", "runs": options.runs, "cpu_seconds": medians}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for name, value in medians.items():
        print(f"{name}: {value} s of CPU")


if __name__ == "__main__":
    main()
