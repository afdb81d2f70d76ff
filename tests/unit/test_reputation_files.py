"""Files of edges: read right or refused, whatever wrote them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import (
    EdgeFormatError,
    GraphError,
    MeritRank,
    ParameterError,
    ReputationError,
    TrustGraph,
    WeightError,
)
from reputation.export import FORMATS, to_gexf, to_graphml
from reputation.files import Period, parse_period, read_edges
from reputation.files.names import node_name

PLAIN = {("ann", "bob", 3.0, 0), ("bob", "cid", 2.0, 0)}
UPPER = "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B"
OTHER = "0x00000000219ab540356cBB839Cbe05303d7705Fa"


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "edges"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(tmp_path: Path, content: str | bytes, period: Period | None = None) -> Any:
    found = read_edges(written(tmp_path, content), period)
    return set(found.edges), found.notes


@pytest.mark.parametrize(
    "content",
    [
        "ann,bob,3\nbob,cid,2\n",
        "src,dst,weight\nann,bob,3\nbob,cid,2\n",
        "Source,Target,Weight\r\nann,bob,3\r\nbob,cid,2\r\n",
        "from,to,value\rann,bob,3\rbob,cid,2",
        "context,src,dst,weight,magnitude\n,ann,bob,3,0\n,bob,cid,2,0\n",
        "rating;trustee;truster\n3;bob;ann\n2;cid;bob\n",
        "from_address\tto_address\ttrust\nann\tbob\t3\nbob\tcid\t2\n",
        "# made by a crawler\n# src dst weight\nann,bob,3\nbob,cid,2\n",
        "% asym posweighted\n% 3 3\nann bob 3\nbob cid 2 \n",
        "# ToNodeId\tFromNodeId\tWeight\nbob\tann\t3\ncid\tbob\t2\n",
        "ann\tbob\t3\nbob\tcid\t2\n",
        "  ann   bob 3\nbob\t cid 2\n",
        "ann|bob|3\nbob|cid|2\n",
        'ann,bob,3,,\n"bob", "cid" ,2,,\n\n',
        "src;dst;weight\nann;bob;3,00\nbob;cid;2,0\n",
        'src,dst,weight\nann,bob,"3,00"\nbob,cid,"2,0"\n',
        "\ufeffann,bob,3\nbob,cid,2\n",
        "ann,bob,3\nbob,cid,2\n".encode("utf-16"),
        "ann,bob,3\nbob,cid,2\n".encode("utf-32"),
        "ann,bob,+3.\n#bob,dan,9\nbob,cid,.2e1\n",
    ],
)
def test_all_kinds_of_separated_text(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content)[0] == PLAIN


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ann,bob,0,5\nbob,cid,0,25\n", "decimal comma"),
        ("ann,bob,1,5\nbob,cid,2\n", "decimal comma"),
        ("ann,bob,0,1234567890\nbob,cid,0,3333333333\n", "decimal comma"),
        ("src,dst,weight\nann,bob,0,5\n", "line 2: expected 3 to 3 columns"),
        ("src,dst,weight,epoch\nann,bob,0,5,1\n", "line 2: expected 3 to 4 columns"),
        ("ann bob 3,5\nbob cid 2,5\n", "decimal comma"),
        ("ann;bob;1,500\nbob;cid;2,250\n", "thousand or a decimal comma"),
        ("ann;bob;1,5\nbob;cid;2.5\n", "line 2: '2.5' has a point"),
        ("ann;bob;1.500,5\n", "is not a number"),
        ("ann,bob,1_000\n", "line 1: '1_000' is not a number"),
        ("ann,bob,٣\n", "is not a number"),
        ("ann,bob,0x10\n", "is not a number"),
        ("ann,bob,nan\n", "line 1: 'nan' is not a number"),
        ("ann,bob,inf\n", "is not a number"),
        ("ann,bob,1e400\n", "too large"),
        ("ann,bob,9007199254740993\n", "is not exact"),
        ("ann,bob,3\nbob,cid,\n", "line 2: there is no weight"),
        ("ann,bob,3\nbob,cid\n", "line 2: expected 3 to 4 columns, got 2"),
        (",bob,3\n", "line 1: a node has no name"),
        ("bob, ,3\n", "line 1: a node has no name"),
        ("ann,bob,3\nbob\0,cid,2\n", r"U\+0000"),
        ("ann,bob\x1b[31m,3\n", r"U\+001B"),
        ("ann,bob\u200b,3\n", r"U\+200B"),
        ("ann,bo\u202eb,3\n", r"U\+202E"),
        ("ann,bo\u3164b,3\n", r"U\+3164"),
        ("ann,b\u00a0ob,3\n", r"U\+00A0"),
        (f"{UPPER},{UPPER.replace('Ab', 'aB', 1)},3\n", "wrong checksum"),
        (f"eip155:1:{UPPER},{UPPER},3\neip155:1:{UPPER.replace('Ab', 'aB', 1)},c,1\n", "checksum"),
        ("ann\tbob 1\nbob\tcid 2\n", "'bob 1' a node, or a node and a weight"),
        ("src,dst,weight\n1.0,2,3\n1,3,2\n", "nodes 1.0 and 1 one"),
        ("%%MatrixMarket matrix coordinate real general\n3 4 2\n1 2 4.0\n", "MatrixMarket"),
        ("ann,josé,3\n".encode("latin-1"), "not utf-8 text"),
        ("ann,bob,3\n".encode("utf-16-le"), r"U\+0000"),
        ('ann,"bob,3\nbob,cid,2\n', "line"),
        ("ann\nbob\n", "line 1: expected src,dst,weight"),
        ("a,b,c,d,e\n", "5 columns"),
        ("ann;bob;x,y\nbob;cid;x,y,z\n", "is not a number"),
        ("ann;bo,b\ncid;da,n\n", "semicolon or comma"),
        ("from,source,to\na,b,c\n", "'from' and 'source' are both a source"),
        ("src,dst,rating,trust\na,b,1,2\n", "'rating' and 'trust' are both a weight"),
        ("<html><body>404</body></html>", "neither GraphML nor GEXF"),
        ('<!DOCTYPE x [<!ENTITY a "aa">]><graphml/>', "entities"),
        ("<graphml", "cannot be read as graphml"),
        ("<gexf><graph><edges/></graph></gexf>", "cannot be read as gexf"),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises((EdgeFormatError, WeightError), match=words) as caught:
        read(tmp_path, content)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "edges", "note"),
    [
        ("src,dst\nann,bob\nbob,cid\n", {("ann", "bob", 1.0, 0), ("bob", "cid", 1.0, 0)}, "weighs"),
        ("ann,bob,3\nbob,bob,1\nbob,cid,2\n", PLAIN, "1 rows lead from a node to itself"),
        ("ann,bob,9\nann,bob,3\nbob,cid,2\n", PLAIN, "1 rows repeat an edge"),
        ("ann,bob,3\nbob,cid,2\nbob,dan,0\n", {*PLAIN, ("bob", "dan", 0.0, 0)}, "weigh 0"),
        ("id,src,dst,weight\n1,ann,bob,3\n2,bob,cid,2\n", PLAIN, "columns not used: id"),
    ],
)
def test_what_was_decided_is_said(tmp_path: Path, content: str, edges: Any, note: str) -> None:
    found, notes = read(tmp_path, content)
    assert found == edges
    assert any(note in line for line in notes)
    assert TrustGraph.from_file(written(tmp_path, content)).notes == notes


def test_one_node_has_one_spelling(tmp_path: Path) -> None:
    content = f"{UPPER},jose\u0301,3\n{UPPER.lower()},{OTHER},2\n0X{UPPER[2:].upper()},josé,1,\n"
    found, _ = read(tmp_path, content)
    assert {edge[:2] for edge in found} == {(UPPER, "josé"), (UPPER, OTHER)}
    assert node_name(f" {OTHER.lower()} ") == OTHER
    assert node_name(f"eip155:1:{OTHER.lower()}") == f"eip155:1:{OTHER}"
    assert node_name(f"did:pkh:eip155:10:{OTHER.upper()}") == f"did:pkh:eip155:10:{OTHER}"
    named, _ = read(tmp_path, "src\tdst\nann\tplayer 1\nplayer 1\tplayer 2\n")
    assert {edge[1] for edge in named} == {"player 1", "player 2"}


TIMES = "src,dst,rating,time\nann,bob,3,{}\nbob,cid,2,{}\nann,dan,1,{}\n"


@pytest.mark.parametrize(
    "moments",
    [
        (1289241911.72836, 1289241941.5, 1389241942),
        (1289241911728, 1289241941000, 1389241942000),
        (1289241911728000, 1289241941000000, 1389241942000000),
        ("2010-11-08", "2010-11-08T18:45:41Z", "2014-01-09 04:45:42+00:00"),
    ],
)
def test_times_fall_into_epochs(tmp_path: Path, moments: Any) -> None:
    found, notes = read(tmp_path, TIMES.format(*moments))
    assert {edge[3] for edge in found} == {497, 535}
    assert any("30 days" in note and "2010-11-08 to 2014-01-09" in note for note in notes)
    found, _ = read(tmp_path, TIMES.format(*moments), timedelta(days=365))
    assert {edge[3] for edge in found} == {40, 44}
    scores = MeritRank(TrustGraph.from_edges(found), gamma=0.1).scores("ann")
    assert scores["bob"] > scores["dan"]


@pytest.mark.parametrize(
    ("moments", "period", "words"),
    [
        ((1, 2, 1389241942), None, "the smaller cannot be"),
        ((1289241942, 1289241942000, 1389241942), None, "the same unit"),
        (("2024-01-05", 1289241942, 1289241942), None, "write one kind"),
        (("05/01/2024", "06/01/2024", "07/01/2024"), None, "neither an epoch"),
        (("2024-13-05", "2024-01-05", "2024-01-05"), None, "neither an epoch"),
        ((1289241942, "", 1289241942), None, "line 3: there is no time"),
        ((1, 2.5, 3), None, "2.5 is not an integer"),
        ((1, 2, 9_000_000), None, "over a million"),
        ((1, 2, 3), timedelta(days=1), "bare number"),
        ((1289241942, 1289241942, 1289241942), 30, "30d"),
        ((10**20, 10**20, 10**20), None, "neither an epoch"),
        (("1e30", "1e30", "1e30"), None, "not a time that a calendar has"),
    ],
)
def test_times_that_are_none(tmp_path: Path, moments: Any, period: Any, words: str) -> None:
    with pytest.raises(EdgeFormatError, match=words):
        read(tmp_path, TIMES.format(*moments), period)


def test_blocks_make_epochs_of_so_many(tmp_path: Path) -> None:
    content = "from,to,value,block\na,b,1,17000000\nb,c,1,19000000\na,b,2,17000001\n"
    found, notes = read(tmp_path, content, 1_000_000)
    assert found == {("a", "b", 3.0, 17), ("b", "c", 1.0, 19)}
    assert any("1 rows repeat" in note for note in notes)
    with pytest.raises(EdgeFormatError, match="over a million"):
        read(tmp_path, content)


def test_periods() -> None:
    assert parse_period("30d") == timedelta(days=30)
    assert parse_period("12h") == timedelta(hours=12)
    assert parse_period("1000") == 1000
    for wrong in ("", "0d", "-1d", "1y", "1.5d", "d", "٣d", "99999999999d"):
        with pytest.raises(ParameterError, match="30d"):
            parse_period(wrong)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zs", "Zl", "Zp")), min_size=1, max_size=4
)
EDGES = st.dictionaries(
    st.tuples(NAMES, NAMES, st.integers(0, 3)).filter(lambda key: key[0] != key[1]),
    st.floats(-1e6, 1e6).filter(bool),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(edges=EDGES, kind=st.sampled_from(["graphml", "gexf"]))
def test_exported_networks_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, edges: dict[Any, float], kind: str
) -> None:
    try:
        key = {name: node_name(name) for pair in edges for name in pair[:2]}
    except EdgeFormatError:
        return
    if len(set(key.values())) < len(key):
        return
    given_edges = {(key[s], key[d], w, at) for (s, d, at), w in edges.items()}
    graph = TrustGraph.from_edges([("ego", "one", 1), *given_edges], nodes=["alone"])
    scores = MeritRank(graph).scores("ego")
    path = tmp_path_factory.mktemp("network") / "file"
    path.write_text(FORMATS[kind](graph, scores), encoding="utf-8")
    back = TrustGraph.from_file(path)
    assert set(back.edges()) == set(graph.edges())
    assert set(back.nodes) == set(graph.nodes)


def test_networks_of_others(tmp_path: Path) -> None:
    multi = nx.MultiDiGraph()
    multi.add_edge("ann", "bob", rating=1)
    multi.add_edge("ann", "bob", rating=2)
    multi.add_edge("bob", "cid", rating=2)
    for write in (nx.write_graphml, nx.write_gexf):
        write(multi, tmp_path / "edges")
        found = read_edges(tmp_path / "edges")
        assert set(found.edges) == PLAIN
        assert any("add up" in note for note in found.notes)
    nx.write_graphml(nx.path_graph(3), tmp_path / "edges")
    found = read_edges(tmp_path / "edges")
    assert len(found.edges) == 4
    assert any("undirected" in note for note in found.notes)


@pytest.mark.parametrize("edges", [[(1, "1", 2), ("1", 2, 3)], [("a", "b\x1b", 2)]])
def test_what_xml_cannot_say_is_not_exported(edges: Any) -> None:
    graph = TrustGraph.from_edges(edges)
    scores = MeritRank(graph).scores(edges[0][0])
    for export in (to_graphml, to_gexf):
        with pytest.raises(GraphError, match=r"written '1'|odd characters"):
            export(graph, scores)


@pytest.mark.parametrize("missing", [float("nan"), None, np.datetime64("NaT"), "\ud800"], ids=repr)
def test_missing_values_are_no_nodes(missing: Any) -> None:
    pandas = pytest.importorskip("pandas")
    for node in (missing, pandas.NA, pandas.NaT):
        with pytest.raises(EdgeFormatError, match=r"missing value|no Unicode"):
            TrustGraph.from_edges([(node, "x", 1)])
        with pytest.raises(EdgeFormatError, match=r"missing value|no Unicode"):
            TrustGraph.from_edges([], nodes=[node])


def test_large_ids_stay_what_they_are() -> None:
    large = np.array([2**63 + 5, 2**64 - 1], np.uint64)
    graph = TrustGraph.from_arrays(large, np.array([1, 2], np.int32), [1, 2])
    assert set(graph.nodes) == {2**63 + 5, 2**64 - 1, 1, 2}
    assert set(graph.edges()) == {(2**63 + 5, 1, 1.0, 0), (2**64 - 1, 2, 2.0, 0)}
    assert set(TrustGraph.from_arrays([2**63 + 5], [1], [1]).nodes) == {2**63 + 5, 1}


@pytest.mark.parametrize(
    "arrays",
    [
        ([2**63], [-1], [1]),
        ([2**64], [1], [1]),
        ([1], [2], [2**60 + 1]),
        ([1], [2], [-(2**63)]),
        ([1], [2], [2**70]),
        ([1], [2], ["3"]),
        ([1], [2], [1j]),
        ([1], [2], [[3.0]]),
        ([1.0], [2], [1]),
    ],
)
def test_arrays_that_lie_are_refused(arrays: Any) -> None:
    with pytest.raises(ReputationError):
        TrustGraph.from_arrays(*arrays)


def test_parallel_edges_add_up() -> None:
    multi = nx.MultiGraph()
    multi.add_edge("a", "b", weight=3)
    multi.add_edge("a", "b", weight=5)
    multi.add_edge("b", "a", weight=1, epoch=2)
    found = TrustGraph.from_networkx(multi)
    assert set(found.edges()) == {
        ("a", "b", 8.0, 0), ("b", "a", 8.0, 0), ("a", "b", 1.0, 2), ("b", "a", 1.0, 2),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["period", "epoch"])
def test_the_column_of_periods_has_a_new_name_and_an_old_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(f"src,dst,weight,date,{name}\na,b,2,2020-01-01,3\n")
    assert list(TrustGraph.from_file(path).edges()) == [("a", "b", 2.0, 3)]
