"""How fast the verifier's parts are, beside ByzFL and ByzPy in the same run.

    python benchmarks/verifier.py                      # aggregation rules and scoring, on the CPU
    python benchmarks/verifier.py --only rules --json rules.json
    python benchmarks/accelerator.py --device cuda     # the same on a GPU, at its sizes

Peers are measured where they are installed: ``pip install 'karat[bench]'`` brings ByzFL; ByzPy
pins an old torch and goes into an environment of its own, ``pip install --no-deps byzpy==0.1.4``.
A ratio is a ratio of medians of calls that took turns. Extra memory is the peak of the resident
set during a call above what it was before. Run it on a quiet machine.
"""

import argparse
import importlib
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from learning import tasks  # noqa: E402
from learning.arena import aggregators as ours  # noqa: E402
from learning.arena import byzfl  # noqa: E402
from learning.codec import UPDATE_BITS, Codec, SparseUpdate  # noqa: E402
from learning.judge.valuation import Valuation, value_updates  # noqa: E402
from learning.model_state import ModelState  # noqa: E402
from learning.tasks import models  # noqa: E402
from learning.tasks.data import Examples, divided, partition  # noqa: E402
from learning.training import initial_model, layout_of, network_at, pick_device, train  # noqa: E402

Call = Callable[[], object]
SCORED = (("mlp-digits", 20, 3), ("mlp-digits", 64, 3), ("cnn-digits", 20, 3), ("gpt-text", 8, 1))


@dataclass(frozen=True)
class Rule:
    """A rule that peers have too. In settings ``f`` and ``n-f`` stand for those numbers."""

    name: str
    ours: Callable[..., Any]
    byzfl: str
    settings: tuple[str, ...] = ()
    byzpy: tuple[str, str] | None = None
    byzpy_settings: Mapping[str, object] = field(default_factory=dict)
    byzfl_values: int = 0
    """Float32 values that ByzFL needs beyond the usual, in multiples of n·(n−f)·d."""


RULES = [
    Rule("mean", ours.Average, "Average"),
    Rule(
        "krum",
        ours.Krum,
        "Krum",
        ("f",),
        ("aggregators.geometric_wise.krum", "Krum"),
        {"f": "f"},
    ),
    Rule(
        "multi-krum",
        ours.MultiKrum,
        "MultiKrum",
        ("f",),
        ("aggregators.geometric_wise.krum", "MultiKrum"),
        {"f": "f", "q": "n-f"},
    ),
    Rule(
        "trimmed-mean",
        ours.TrMean,
        "TrMean",
        ("f",),
        ("aggregators.coordinate_wise.trimmed_mean", "CoordinateWiseTrimmedMean"),
        {"f": "f"},
    ),
    Rule(
        "median",
        ours.Median,
        "Median",
        (),
        ("aggregators.coordinate_wise.median", "CoordinateWiseMedian"),
    ),
    Rule(
        "geometric-median",
        ours.GeometricMedian,
        "GeometricMedian",
        (),
        ("aggregators.geometric_wise.geometric_median", "GeometricMedian"),
        {"max_iter": 3, "init": "mean"},
    ),
    Rule(
        "centered-clip",
        ours.CenteredClipping,
        "CenteredClipping",
        (),
        ("aggregators.norm_wise.center_clipping", "CenteredClipping"),
        {"c_tau": 100.0, "M": 1, "init": "zero"},
    ),
    Rule(
        "monna",
        ours.MoNNA,
        "MoNNA",
        ("f",),
        ("aggregators.geometric_wise.monna", "MoNNA"),
        {"f": "f"},
    ),
    Rule(
        "nnm",
        ours.NNM,
        "NNM",
        ("f",),
        ("pre_aggregators.nnm", "NearestNeighborMixing"),
        {"f": "f"},
        byzfl_values=1,
    ),
]


def measure_rules(n: int, d: int, f: int, repeats: int, device: str) -> list[dict[str, Any]]:
    """Milliseconds and extra memory of every shared rule on n updates of d values."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(n, d, generator=generator).to(device)
    rows = []
    for rule in RULES:
        calls = rule_calls(rule, vectors, f)
        times = take_turns(calls, repeats, device)
        row: dict[str, Any] = {"rule": rule.name, "n": n, "d": d, "f": f, "device": device}
        for who in ("karat", "byzfl", "byzpy"):
            row[f"{who}_ms"] = times.get(who)
        row["extra_mb"] = {who: extra_memory(call) for who, call in calls.items()}
        for who in ("byzfl", "byzpy"):
            row[f"times_{who}"] = times[who] / times["karat"] if who in times else None
        rows.append(row)
        print(
            f"{rule.name:17}{times['karat']:9.1f} ms"
            + "".join(
                f"   {who} {times[who]:8.1f} ms ({times[who] / times['karat']:5.1f}×)"
                for who in ("byzfl", "byzpy")
                if who in times
            )
            + "   extra MB: "
            + ", ".join(f"{who} {value:.0f}" for who, value in row["extra_mb"].items()),
            flush=True,
        )
    return rows


def rule_calls(rule: Rule, vectors: torch.Tensor, f: int) -> dict[str, Call]:
    """What to call for ours and every peer that is installed and fits into memory."""
    n = len(vectors)
    numbers = {"f": f, "n-f": n - f}
    settings = [numbers[name] for name in rule.settings]
    calls: dict[str, Call] = {"karat": lambda: rule.ours(*settings)(vectors)}
    needed = 4 * rule.byzfl_values * n * (n - f) * vectors.shape[1]
    if byzfl.names():
        peer = getattr(byzfl.load(), rule.byzfl)
        if needed < 0.6 * available_memory(vectors.device):
            calls["byzfl"] = lambda: peer(*settings)(vectors)
        else:
            print(f"{rule.name}: ByzFL left out, it needs {needed / 1e9:.0f} GB")
    if rule.byzpy and importlib.util.find_spec("byzpy"):
        module, name = rule.byzpy
        given = {k: numbers.get(str(v), v) for k, v in rule.byzpy_settings.items()}
        built = getattr(importlib.import_module(f"byzpy.{module}"), name)(**given)
        each = list(vectors)
        run = getattr(built, "aggregate", None) or built.pre_aggregate
        calls["byzpy"] = lambda: run(each)
    return calls


def take_turns(calls: Mapping[str, Call], repeats: int, device: str) -> dict[str, float]:
    """Median milliseconds of each call; the calls take turns, after one of each to warm up."""
    times: dict[str, list[float]] = {who: [] for who in calls}
    for _ in range(repeats + 1):
        for who, call in calls.items():
            synchronise(device)
            start = time.perf_counter()
            call()
            synchronise(device)
            times[who].append(1e3 * (time.perf_counter() - start))
    return {who: statistics.median(taken[1:]) for who, taken in times.items()}


def synchronise(device: str) -> None:
    """Wait for the device to finish."""
    if device == "cuda":
        torch.cuda.synchronize()


def extra_memory(call: Call) -> float:
    """Peak of the resident set (on CUDA: of allocated memory) during a call, in MB above before."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    before = process_memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    result = call()
    peak = process_memory("VmHWM")
    del result
    return max(peak - before, 0) / 1e6


def process_memory(field: str) -> int:
    """Bytes from ``/proc/self/status``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def available_memory(device: torch.device) -> int:
    """Bytes that can still be had."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    raise KeyError("MemAvailable")


def measure_scoring(
    spec: tasks.TaskSpec, count: int, repeats: int, device: str, rounds: int, trained: int
) -> dict[str, Any]:
    """Judging ``count`` updates against one lean evaluation of each on the same examples.

    ``trained`` of the updates are trained; the others are some of these with a random part of
    their values left out, where training them all would take hours.
    """
    past, updates = trained_updates(spec, trained, rounds, device)
    base = past[0]
    rng = np.random.default_rng(0)
    updates += [thinned(updates[i % trained], rng) for i in range(count - trained)]
    sealed = divided(spec).root.take(np.arange(spec.scoring.batch))
    limit = float(np.median([update.norm for update in updates]))
    models_by_age = {age: model for age, model in enumerate(past) if age}
    copies = 1 if spec.scoring.probes == "none" else 2
    batch = sealed.take(np.tile(np.arange(len(sealed)), copies))

    def judged() -> Valuation:
        return value_updates(spec, base, updates, models_by_age, sealed, 1, limit, device)

    calls: dict[str, Call] = {
        "judge": judged,
        "lean": evaluations(spec, base, updates, batch, device),
    }
    times = take_turns(calls, repeats, device)
    row = {
        "task": spec.name,
        "parameters": base.layout.total,
        "updates": count,
        "examples": len(batch),
        "device": device,
        "judge_ms": times["judge"],
        "lean_evaluations_ms": times["lean"],
        "times_lean": times["judge"] / times["lean"],
        "credit": float(np.maximum(judged().credits, 0).sum()),
    }
    print(
        f"{spec.name:12} {base.layout.total:>11,} parameters   judge {times['judge']:8.1f} ms"
        f"   an evaluation each {times['lean']:9.1f} ms   {row['times_lean']:5.2f}×",
        flush=True,
    )
    return row


def evaluations(
    spec: tasks.TaskSpec,
    base: ModelState,
    updates: Sequence[SparseUpdate],
    examples: Examples,
    device: str,
) -> Call:
    """The least that judging can take: every update applied, and the loss looked at.

    As lean as can be: one network, whose parameters are views of one vector on the device.
    """
    target = pick_device(device)
    network = network_at(spec, base.to_float(), target)
    network.eval()
    start = torch.from_numpy(base.to_float()).to(target)
    at = start.clone()
    torch.nn.utils.vector_to_parameters(at, network.parameters())
    parts = [slice(first, first + 256) for first in range(0, len(examples), 256)]
    x, y = (torch.from_numpy(part).to(target) for part in (examples.x, examples.y))

    @torch.no_grad()
    def call() -> list[float]:
        losses = []
        for update in updates:
            values = torch.from_numpy(update.values).to(target) * -(2.0**-UPDATE_BITS)
            at.copy_(start).index_add_(0, torch.from_numpy(update.indices).to(target), values)
            losses.append(sum(float(models.loss(network(x[p]), y[p])) for p in parts))
        return losses

    return call


def trained_updates(
    spec: tasks.TaskSpec, count: int, rounds: int, device: str
) -> tuple[list[ModelState], list[SparseUpdate]]:
    """Models of some rounds of averaging, newest first, and ``count`` trainers' next updates."""
    codec = Codec(spec.codec, layout_of(spec))
    shards = partition(spec, count, 0)
    past = [initial_model(spec)]
    for number in range(rounds):
        few = [train(spec, past[0], shard, number, device) for shard in shards[:8]]
        flat = past[0].to_float() - np.mean(few, axis=0)
        past.insert(0, ModelState.from_float(past[0].layout, flat))
    deltas = (train(spec, past[0], shard, 100 + i, device) for i, shard in enumerate(shards))
    return past, [codec.decode(codec.encode(delta)) for delta in deltas]


def thinned(update: SparseUpdate, rng: np.random.Generator) -> SparseUpdate:
    """The update with a random part of its values."""
    kept = rng.random(len(update.indices)) < rng.random()
    return SparseUpdate(update.indices[kept], update.values[kept], rng.bytes(32))


def measure_bandwidth(n: int, d: int, repeats: int) -> float:
    """Bytes per second at which n·d float32 values are read here and now."""
    vectors = torch.randn(n, d)
    times = take_turns({"read": vectors.sum}, repeats, "cpu")
    return 4 * n * d / (times["read"] / 1e3)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["rules", "scoring"])
    parser.add_argument("-n", type=int, default=64)
    parser.add_argument("-d", type=int, default=1_000_000)
    parser.add_argument("-f", type=int, default=14)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    n, d = options.n, options.d
    found: dict[str, Any] = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    if options.only in (None, "rules"):
        print(f"Aggregation, {n} × {d:,}, f = {options.f}, CPU")
        found["bytes_per_s"] = measure_bandwidth(n, d, options.repeats)
        found["rules"] = measure_rules(n, d, options.f, options.repeats, "cpu")
        mean = next(row for row in found["rules"] if row["rule"] == "mean")
        bound = 4 * n * d / found["bytes_per_s"] / (mean["karat_ms"] / 1e3)
        found["mean_of_bandwidth"] = bound
        print(
            f"reading the updates once: {found['bytes_per_s'] / 1e9:.1f} GB/s; "
            f"the mean runs at {bound:.0%} of that, so no rule can be much faster than it"
        )
    if options.only in (None, "scoring"):
        print("\nJudging a round, CPU", flush=True)
        found["scoring"] = [
            measure_scoring(tasks.get(name), count, 3, "cpu", rounds, trained=min(count, 20))
            for name, count, rounds in SCORED
        ]
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
