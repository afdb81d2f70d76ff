"""MeritRank beside its peers, all in one run: ``python benchmarks/reputation.py [--quick]``.

Barabási–Albert graphs (m = 5, both directions, unit weights), ego 0, α = 0.15. Peers:
meritrank-python (sampled MeritRank), networkx, igraph and scipy (personalised PageRank). Times are
medians; only ratios within one run mean anything. Needs ``pip install 'karat[bench]'``.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import igraph
import networkx as nx
import numpy as np
from meritrank_python.rank import IncrementalMeritRank
from numba import njit
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

# This file has the name of the package it measures: its own folder must not be searched.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).parent]

from reputation import MeritRank, TrustGraph  # noqa: E402

ALPHA = 0.15


def median_time(call: Callable[[int], object], repeats: int) -> float:
    """Median seconds of ``call(i)`` for i = 0, 1, …"""
    times = []
    for i in range(repeats):
        start = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def edges_of(graph: "nx.Graph[int]") -> tuple[Any, Any]:
    """Both directions of every edge, as arrays."""
    pairs = np.array(graph.edges, np.int64)
    return np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]])


def sampled(n: int) -> dict[str, Any]:
    """10,000 walks from one ego, ranking, and edge updates, beside meritrank-python."""
    graph = nx.barabasi_albert_graph(n, 5, seed=1)
    src, dst = edges_of(graph)
    ours = MeritRank(TrustGraph.from_arrays(src, dst, np.ones(len(src))))
    ours.scores(0, method="sample", seed=-1)
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {"n": n}
    result["ours_s"] = median_time(lambda i: ours.scores(0, method="sample", seed=i), 41)
    scores = ours.scores(0, method="sample", seed=1)
    steps = ours._walk_set(0, 10_000, 1).steps
    result["steps_per_s"] = steps / result["ours_s"]
    result["random_reads_per_s"] = random_reads(2 * len(src))
    result["rank_all_s"] = median_time(lambda _: scores.top(), 5)
    fresh = MeritRank(ours.graph.copy())
    fresh.scores(0, method="sample")
    changes = [(int(a), int(b), 2.0) for a, b in rng.integers(1, n, (1000, 2)) if a != b]
    result["update_s"] = median_time(lambda i: fresh.update([changes[i]]), 200)
    result["update_batched_s"] = median_time(lambda _: fresh.update(changes), 3) / len(changes)
    peer_graph = nx.DiGraph()
    peer_graph.add_weighted_edges_from((int(a), int(b), 1.0) for a, b in zip(src, dst, strict=True))
    peer = IncrementalMeritRank(peer_graph)
    result["peer_s"] = median_time(lambda _: peer.calculate(0, num_walks=10_000), 1)
    result["peer_update_s"] = median_time(
        lambda i: peer.add_edge(changes[i][0], changes[i][1], 2.0), 50
    )
    result["times_faster"] = result["peer_s"] / result["ours_s"]
    return result


def exact(n: int, nodes: int) -> dict[str, Any]:
    """One ego with the diagonal at hand, beside personalised PageRank; the diagonal itself."""
    graph = nx.barabasi_albert_graph(n, 5, seed=1)
    src, dst = edges_of(graph)
    engine = MeritRank(TrustGraph.from_arrays(src, dst, np.ones(len(src))))
    some = list(range(0, n, max(1, n // nodes)))[:nodes]
    engine.hit_probability(0, some[:16])  # compiles
    start = time.perf_counter()
    engine.hit_probability(0, some)
    diagonal = (time.perf_counter() - start) / len(some)
    own = engine._diagonal._columns.own
    # A solve takes the same time whatever the diagonal holds.
    own[np.isnan(own)] = 1.0
    result: dict[str, Any] = {"n": n, "diagonal_s_per_node": diagonal}
    result["ours_s"] = median_time(engine.scores, 7)
    engine.scores_many(range(2))  # compiles
    result["ours_many_s_per_ego"] = median_time(lambda _: engine.scores_many(range(16)), 2) / 16
    ig = igraph.Graph(n=n, edges=np.stack([src, dst], axis=1), directed=True)
    with threadpool_limits(1):  # on a busy machine its threads would wait for each other
        result["igraph_s"] = median_time(
            lambda i: ig.personalized_pagerank(damping=1 - ALPHA, reset_vertices=i), 7
        )
    result["scipy_s"] = median_time(lambda i: scipy_pagerank(src, dst, n, i), 3)
    if n <= 10_000:
        digraph = graph.to_directed()
        result["networkx_s"] = median_time(
            lambda i: nx.pagerank(digraph, 1 - ALPHA, personalization={i: 1.0}), 3
        )
    result["igraph_over_ours"] = result["igraph_s"] / result["ours_s"]
    return result


def scipy_pagerank(src: Any, dst: Any, n: int, ego: int) -> Any:
    """Power iteration to 1e-10 on a scipy matrix."""
    out = np.bincount(src, minlength=n)
    matrix = csr_array(((1 - ALPHA) / out[src], (dst, src)), shape=(n, n))
    start = np.zeros(n)
    start[ego] = ALPHA
    rank = start
    while True:
        following = matrix @ rank + start
        if np.abs(following - rank).sum() < 1e-10:
            return following
        rank = following


@njit  # type: ignore[untyped-decorator]
def chase(order: Any, count: int) -> int:
    """Follow a permutation: each read waits for the one before."""
    at = 0
    for _ in range(count):
        at = order[at]
    return at


def random_reads(words: int) -> float:
    """Dependent random reads per second over ``words`` 64-bit words: the machine's own limit."""
    around = np.random.default_rng(0).permutation(words)
    order = np.empty(words, np.int64)
    order[around] = np.roll(around, -1)  # one cycle through all of them
    chase(order, 10)
    count = 1_000_000
    return count / median_time(lambda _: chase(order, count), 3)


def large() -> dict[str, Any]:
    """A million nodes, ten million edges: loading, one ego sampled, one solved, peak memory."""
    rng = np.random.default_rng(1)
    n, m = 1_000_000, 10_000_000
    src, dst = rng.integers(0, n, m), rng.integers(0, n, m)
    kept = src != dst
    start = time.perf_counter()
    graph = TrustGraph.from_arrays(src[kept], dst[kept], np.ones(int(kept.sum())))
    loaded = time.perf_counter() - start
    engine = MeritRank(graph)
    first = median_time(lambda i: engine.scores(i, method="sample"), 1)
    sample = median_time(lambda i: engine.scores(100 + i, method="sample"), 9)
    solve = median_time(engine.visit_score, 2)
    return {
        "nodes": n,
        "edges": graph.number_of_edges,
        "load_s": loaded,
        "bytes_per_edge": graph.nbytes / graph.number_of_edges,
        "first_sample_s": first,
        "sample_s": sample,
        "visit_score_s": solve,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    """Run what was asked for; print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only n = 1e3 and 1e4")
    parser.add_argument("--large", action="store_true", help="only the million-node graph")
    asked = parser.parse_args()
    if asked.large:
        print(json.dumps({"large": large()}), flush=True)
        return
    sizes = [1_000, 10_000] if asked.quick else [1_000, 10_000, 100_000]
    for n in sizes:
        print(json.dumps({"sampled": sampled(n)}), flush=True)
    for n in sizes:
        print(json.dumps({"exact": exact(n, 64 if n > 10_000 else 256)}), flush=True)
    if not asked.quick:
        # In a process of its own, so that its peak memory is its own.
        subprocess.run([sys.executable, __file__, "--large"], check=True)


if __name__ == "__main__":
    main()
