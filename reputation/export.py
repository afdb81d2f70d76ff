"""Writing a scored graph for other tools: GraphML, CSV and DOT."""

import csv
import io
from collections.abc import Callable
from typing import Any

import networkx as nx

from reputation.graph import TrustGraph
from reputation.scores import Scores


def to_graphml(graph: TrustGraph, scores: Scores) -> str:
    """GraphML: nodes with score and hit probability, edges with weight and epoch."""
    digraph: nx.DiGraph[Any] = graph.to_networkx()
    named: nx.DiGraph[Any] = nx.relabel_nodes(digraph, {node: str(node) for node in graph.nodes})
    for node in graph.nodes:
        named.nodes[str(node)].update(
            score=scores[node], hit_probability=scores.hit_probability[node]
        )
    return "\n".join(nx.generate_graphml(named)) + "\n"


def to_csv(graph: TrustGraph, scores: Scores) -> str:
    """CSV: ``node,score,hit_probability,stderr``, best first, nodes out of reach last."""
    reached = [node for node, _ in scores.top()]
    rest = [node for node in graph.nodes if scores.hit_probability[node] == 0.0]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["node", "score", "hit_probability", "stderr"])
    for node in reached + rest:
        table.writerow([node, scores[node], scores.hit_probability[node], scores.stderr[node]])
    return text.getvalue()


def to_dot(graph: TrustGraph, scores: Scores) -> str:
    """Graphviz DOT: the better a node, the larger; negative edges red and dashed."""
    best = max((abs(score) for score in scores.values()), default=0.0) or 1.0
    lines = ["digraph trust {", "  node [shape=circle, fixedsize=true];"]
    for node in graph.nodes:
        size = 0.4 + 1.2 * (abs(scores[node]) / best) ** 0.5
        look = "shape=doublecircle, " if node == scores.ego else ""
        label = f"{node}\n{scores[node]:.3f}"
        lines.append(f"  {_quoted(node)} [{look}width={size:.2f}, label={_quoted(label)}];")
    for src, dst, weight, _ in graph.edges():
        look = ", color=red, style=dashed" if weight < 0 else ""
        lines.append(f"  {_quoted(src)} -> {_quoted(dst)} [label={_quoted(f'{weight:g}')}{look}];")
    return "\n".join([*lines, "}", ""])


FORMATS: dict[str, Callable[[TrustGraph, Scores], str]] = {
    "graphml": to_graphml,
    "csv": to_csv,
    "dot": to_dot,
}


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
