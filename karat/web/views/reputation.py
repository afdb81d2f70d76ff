"""The trust graph, and why somebody has its score."""

from typing import Any

from karat.errors import NotAvailable
from karat.protocol.trust import net_edges, trust_edges
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.parameters import MemberPath, TaskPath
from karat.web.site import Site
from karat.web.standings import Ranking

MOST_NODES, MOST_EDGES = 600, 4_000  # what a browser draws without a pause
_ALPHA = 0.15


def reputation(site: Site, wanted: TaskPath) -> schemas.Reputation:
    """The trust graph of a task with everybody's score."""
    book = site.follower.book(wanted.task)
    with site.follower.lock:
        ranking, computing = site.standings.ranking(book)
        edges = net_edges(trust_edges(book.history))
        roles: dict[str, Any] = {
            member.address: member.role for member in book.history.members.values()
        }
        sponsor, epoch = book.history.sponsor, _epoch(book)
    scores = {} if ranking is None else ranking.scores
    order = sorted(roles, key=lambda one: (roles[one] != "verifier", -abs(scores.get(one, 0.0))))
    kept = {sponsor, *order[: MOST_NODES - 1]}
    between = [edge for edge in edges if edge[0] in kept and edge[1] in kept]
    heaviest = sorted(between, key=lambda edge: -abs(edge[2]))[:MOST_EDGES]
    nodes = [
        schemas.Node(
            address=one,
            name=site.names.get(one),
            role=roles.get(one, "sponsor"),
            score=scores.get(one, 0.0),
        )
        for one in kept
    ]
    return schemas.Reputation(
        computing=computing,
        ego=sponsor,
        alpha=_ALPHA,
        total=len({sponsor, *roles}),
        nodes=sorted(nodes, key=lambda node: (-node.score, node.address)),
        edges=[schemas.Edge(source=s, target=t, weight=w) for s, t, w in heaviest],
        left_out=len(between) - len(heaviest),
        epoch=epoch,
    )


def _epoch(book: TaskBook) -> schemas.Epoch | None:
    anchored = book.history.anchored
    if not anchored:
        return None
    number = max(anchored)
    statement = anchored[number]
    return schemas.Epoch(
        epoch=number,
        root="0x" + statement.root.hex(),
        nodes=statement.nodes,
        to_block=statement.to_block,
    )


def standing(site: Site, wanted: MemberPath) -> schemas.Standing:
    """Why a participant has its score, and the proof of what is anchored."""
    book, address = site.follower.book(wanted.task), wanted.address
    with site.follower.lock:
        ranking, computing = site.standings.ranking(book)
        ego = book.history.sponsor
        if address not in {ego, *book.history.members}:
            raise NotAvailable(f"{address} takes no part in task {wanted.task}")
    proof, note, explanation = None, None, None
    if ranking is not None:  # else numerics are still loading
        proof, note = site.standings.proof(book, address)
        if address in ranking.scores and address != ego:
            explanation = _explanation(site, ranking, address)
    return schemas.Standing(
        address=address,
        name=site.names.get(address),
        ego=ego,
        computing=computing,
        explanation=explanation,
        proof=proof,
        note=note,
    )


def _explanation(site: Site, ranking: Ranking, address: str) -> schemas.Explanation:
    found = site.standings.explanation(ranking, address)
    return schemas.Explanation(
        score=found.score,
        hit_probability=found.hit_probability,
        trust=found.trust,
        distrust=found.distrust,
        dominator=None if found.dominator is None else str(found.dominator),
        paths=[
            schemas.TrustPath(
                nodes=[str(node) for node in path.nodes],
                share=path.share,
                survival=path.survival,
                distrust=path.distrust,
            )
            for path in found.paths
        ],
    )
