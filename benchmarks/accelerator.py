"""Aggregation and scoring on a GPU, beside ByzFL there and the device's own ceilings.

    python benchmarks/accelerator.py --device cuda --json gpu.json
    python benchmarks/accelerator.py --device cpu --small     # the same path, at sizes for a test

Aggregates 256 × 1e6 with every rule that ByzFL has, and 64 × 1e8 in chunks with Multi-Krum; scores
64 updates of a transformer with 124 million parameters against one evaluation each. The memory's
bandwidth and the float32 arithmetic that the fractions refer to are measured in the same run.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.verifier import measure_rules, measure_scoring, take_turns  # noqa: E402
from learning import tasks  # noqa: E402
from learning.arena import aggregators as ours  # noqa: E402
from learning.errors import DeviceError  # noqa: E402
from learning.training import pick_device  # noqa: E402


@dataclass(frozen=True)
class Sizes:
    """What is measured: matrices of (updates, values), and the transformer's sizes."""

    copied: int
    side: int
    rules: tuple[int, int]
    large: tuple[int, int]
    updates: int
    gpt: Mapping[str, int]


FULL = Sizes(
    copied=1 << 29,
    side=8192,
    rules=(256, 1_000_000),
    large=(64, 100_000_000),
    updates=64,
    gpt={"layers": 12, "width": 768, "heads": 12, "time": 1024, "vocabulary": 50_304},
)
SMALL = Sizes(
    copied=1 << 16,
    side=64,
    rules=(8, 2_000),
    large=(8, 50_000),
    updates=6,
    gpt={"layers": 1, "width": 16, "heads": 2, "time": 16, "vocabulary": 128},
)


def measure(sizes: Sizes, repeats: int, device: str) -> dict[str, Any]:
    """Everything, as a JSON-able document."""
    ceilings = measure_ceilings(sizes, repeats, device)
    n, d = sizes.rules
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "sizes": asdict(sizes),
        "ceilings": ceilings,
        "rules": measure_rules(n, d, n // 4, repeats, device),
        "large": measure_large(sizes, repeats, device, ceilings),
        "scoring": measure_gpt(sizes, repeats, device, ceilings),
    }


def measure_ceilings(sizes: Sizes, repeats: int, device: str) -> dict[str, float]:
    """Bytes per second copied, and float32 operations per second of a square product."""
    source = torch.ones(sizes.copied, device=device)
    target = torch.empty_like(source)
    square = torch.randn(sizes.side, sizes.side, device=device)
    calls = {"copy": lambda: target.copy_(source), "product": lambda: square @ square}
    times = take_turns(calls, repeats, device)
    found = {
        "bytes_per_s": 2 * 4 * sizes.copied / (times["copy"] / 1e3),
        "operations_per_s": 2 * sizes.side**3 / (times["product"] / 1e3),
    }
    print(f"ceilings: {found['bytes_per_s']:.3g} B/s, {found['operations_per_s']:.3g} FLOP/s")
    return found


def measure_large(
    sizes: Sizes, repeats: int, device: str, ceilings: Mapping[str, float]
) -> dict[str, float]:
    """Multi-Krum in chunks.

    It must read n·d values twice (for the Gram matrix and for the weighted sum) and takes 2n²d
    operations: both as fractions of the ceilings.
    """
    n, d = sizes.large
    vectors = torch.empty(n, d, device=device).normal_()
    rule = ours.MultiKrum(n // 5)
    times = take_turns({"karat": lambda: rule(vectors)}, repeats, device)
    seconds = times["karat"] / 1e3
    found = {
        "multi_krum_ms": times["karat"],
        "of_bandwidth": 2 * 4 * n * d / seconds / ceilings["bytes_per_s"],
        "of_arithmetic": 2 * n**2 * d / seconds / ceilings["operations_per_s"],
    }
    print(f"multi-krum {n} × {d:,}: {times['karat']:.1f} ms, {found['of_bandwidth']:.0%} of")
    print(f"  the bandwidth and {found['of_arithmetic']:.0%} of the arithmetic")
    return found


def measure_gpt(
    sizes: Sizes, repeats: int, device: str, ceilings: Mapping[str, float]
) -> dict[str, Any]:
    """A judged round; an evaluation takes 2 operations per parameter and symbol."""
    spec = tasks.gpt_text(**sizes.gpt)
    row = measure_scoring(spec, sizes.updates, repeats, device, rounds=1, trained=2)
    symbols = row["examples"] * spec.model.sizes["time"]
    operations = 2 * row["parameters"] * symbols * row["updates"]
    row["of_arithmetic"] = operations / (row["judge_ms"] / 1e3) / ceilings["operations_per_s"]
    print(f"  {row['of_arithmetic']:.0%} of the arithmetic")
    return row


def main() -> None:
    """Measure, or say that there is no device to measure on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes that a test can afford")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    try:
        pick_device(options.device)  # switches TF32 off, too
    except DeviceError as error:
        parser.error(f"nothing is measured: {error} --small")
    found = measure(SMALL if options.small else FULL, options.repeats, options.device)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
