"""Writing a scored graph for other tools: GraphML, GEXF, CSV and DOT."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import networkx as nx

from reputation.errors import GraphError
from reputation.graph import TrustGraph
from reputation.scores import Scores

# What XML 1.0 has no way to write.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_graphml(graph: TrustGraph, scores: Scores) -> str:
    """GraphML: nodes with score and hit probability, edges with weight and epoch.

    Raises:
        GraphError: two nodes are written alike, or a name has a character that XML cannot hold.
    """
    return "\n".join(nx.generate_graphml(_named(graph, scores))) + "\n"


def to_gexf(graph: TrustGraph, scores: Scores) -> str:
    """GEXF, as :func:`to_graphml`."""
    return "\n".join(nx.generate_gexf(_named(graph, scores))) + "\n"


def _named(graph: TrustGraph, scores: Scores) -> "nx.DiGraph[Any]":
    """The graph for networkx, with names as nodes."""
    names = {node: str(node) for node in graph.nodes}
    alike = [name for name, count in Counter(names.values()).items() if count > 1]
    if alike:
        raise GraphError(f"several nodes are written {alike[0]!r}; name them apart to export them")
    unwritable = next((name for name in names.values() if _NO_XML.search(name)), None)
    if unwritable is not None:
        raise GraphError(f"XML cannot hold the node {unwritable!r}; take its odd characters out")
    named: nx.DiGraph[Any] = nx.relabel_nodes(graph.to_networkx(), names)
    for node, name in names.items():
        named.nodes[name].update(score=scores[node], hit_probability=scores.hit_probability[node])
    return named


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
    "gexf": to_gexf,
    "csv": to_csv,
    "dot": to_dot,
}


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
