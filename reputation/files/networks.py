"""GraphML and GEXF, through networkx."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx

from reputation.errors import EdgeFormatError
from reputation.files.columns import is_time, is_weight
from reputation.files.names import node_name
from reputation.files.table import EdgeFile, Table, edges_of
from reputation.files.times import Period

_READERS: dict[str, Callable[[Any], "nx.Graph[Any]"]] = {
    "graphml": nx.read_graphml,
    "gexf": nx.read_gexf,
}


def kind_of(text: str) -> str | None:
    """``graphml`` or ``gexf`` if the text is such a document; None if it is no XML at all.

    Raises:
        EdgeFormatError: it is XML of another kind, or declares entities, which can blow up.
    """
    if not text.lstrip().startswith("<"):
        return None
    if re.search("<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise EdgeFormatError("the file declares a document type or entities; take them out")
    root = re.search(r"<(?:\w+:)?(graphml|gexf)\b", text[:10_000])
    if root is None:
        raise EdgeFormatError("the file is XML, but neither GraphML nor GEXF")
    return root[1]


def read_network(kind: str, content: bytes, period: Period | None) -> EdgeFile:
    """The edges of a GraphML or GEXF document; parallel edges add up.

    Raises:
        EdgeFormatError, WeightError: naming the edge by its number in place of a line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # networkx warns of attributes it does not know
            graph = _READERS[kind](io.BytesIO(content))
    except (ParseError, nx.NetworkXException, ValueError, KeyError, TypeError, AttributeError) as e:
        raise EdgeFormatError(f"the file cannot be read as {kind}: {e}") from e
    table, notes = _table(graph)
    read = edges_of(table, period, notes, several_add=True)
    nodes = [node_name(str(node)) for node in graph.nodes]
    return EdgeFile(read.edges, list(dict.fromkeys(nodes)), read.notes)


def _table(graph: "nx.Graph[Any]") -> tuple[Table, list[str]]:
    found, notes = list(graph.edges(data=True)), []
    if not graph.is_directed():
        found += [(dst, src, data) for src, dst, data in found]
        notes.append("the graph is undirected: every edge counts both ways")
    attributes = {name for *_, data in found for name in data}
    weight = _only(attributes, is_weight, "weight")
    time = _only(attributes, is_time, "epoch")
    return Table(
        list(range(1, len(found) + 1)),
        [str(src) for src, *_ in found],
        [str(dst) for _, dst, _ in found],
        weight and [str(data.get(weight, 1)) for *_, data in found],
        time and [str(data.get(time, "")) for *_, data in found],
    ), notes


def _only(attributes: set[str], fits: Callable[[str], bool], preferred: str) -> Any:
    names = sorted(name for name in attributes if fits(name))
    if preferred in names:
        return preferred
    if len(names) > 1:
        raise EdgeFormatError(f"edges have several attributes for one thing: {', '.join(names)}")
    return names[0] if names else None
