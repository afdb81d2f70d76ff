"""The trust graph, and why somebody has its score."""

from collections.abc import Iterable
from typing import Any

from karat.errors import NotAvailable
from karat.protocol.trust import net_edges, trust_edges
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.parameters import MemberPath, MemberView, TaskPath, View
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
        ego, roles, epoch = book.history.sponsor, _roles([book]), _epoch(book)
    return _shown(
        site,
        ranking,
        ego,
        roles=roles,
        edges=edges,
        computing=computing,
        task=wanted.task,
        sponsors=[ego],
        epoch=epoch,
    )


def overall(site: Site, wanted: View) -> schemas.Reputation:
    """The trust graph over all tasks, or of the one that is named, with everybody's score."""
    if wanted.task is not None:
        return reputation(site, TaskPath(task=_only_task(wanted)))
    with site.follower.lock:
        books, sponsors, ego = _everything(site, wanted.ego)
        ranking, computing = site.standings.overall(books, ego)
        roles = _roles(books)
    edges = [] if ranking is None else ranking.graph.edges()
    return _shown(
        site,
        ranking,
        ego,
        roles=roles,
        edges=[(str(src), str(dst), int(weight)) for src, dst, weight, _ in edges],
        computing=computing,
        task=None,
        sponsors=sponsors,
        epoch=None,
    )


def _only_task(wanted: View) -> int:
    if wanted.ego is not None or wanted.task is None:
        raise NotAvailable("a task is seen by its sponsor: name a task or an ego")
    return wanted.task


def _everything(site: Site, ego: str | None) -> tuple[list[TaskBook], list[str], str]:
    """All books, who sponsors them, in order of their first task, and whose view is meant."""
    books = [site.follower.book(created.task_id) for created in site.follower.tasks]
    sponsors = list(dict.fromkeys(book.history.sponsor for book in books))
    if not sponsors:
        raise NotAvailable("there is no task on this ledger yet")
    if ego is not None and ego not in sponsors:
        raise NotAvailable(f"{ego} sponsors no task")
    return books, sponsors, ego or sponsors[0]


def _roles(books: Iterable[TaskBook]) -> dict[str, Any]:
    """What everybody is; who is a verifier anywhere is one."""
    roles: dict[str, Any] = {}
    for book in books:
        for member in book.history.members.values():
            if roles.get(member.address) != "verifier":
                roles[member.address] = member.role
    return roles


def _shown(
    site: Site,
    ranking: Ranking | None,
    ego: str,
    *,
    roles: dict[str, Any],
    edges: list[tuple[str, str, int]],
    **more: Any,
) -> schemas.Reputation:
    """As much of a graph as a browser draws: verifiers, and who has most reputation."""
    scores = {} if ranking is None else ranking.scores
    every = dict.fromkeys((ego, *more["sponsors"], *roles))
    order = sorted(
        every,
        key=lambda one: (one != ego, roles.get(one) != "verifier", -abs(scores.get(one, 0.0))),
    )
    kept = set(order[:MOST_NODES])
    between = [edge for edge in edges if edge[0] in kept and edge[1] in kept]
    heaviest = sorted(between, key=lambda edge: -abs(edge[2]))[:MOST_EDGES]
    nodes = [
        schemas.Node(
            address=one,
            name=site.names.get(one),
            role="sponsor" if one == ego else roles.get(one, "sponsor"),
            score=scores.get(one, 0.0),
        )
        for one in kept
    ]
    return schemas.Reputation(
        ego=ego,
        alpha=_ALPHA,
        total=len(every),
        nodes=sorted(nodes, key=lambda node: (-node.score, node.address)),
        edges=[schemas.Edge(source=s, target=t, weight=w) for s, t, w in heaviest],
        left_out=len(between) - len(heaviest),
        **more,
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


def overall_standing(site: Site, wanted: MemberView) -> schemas.Standing:
    """Why a participant has its score over all tasks, or in the one that is named."""
    if wanted.task is not None:
        return standing(site, MemberPath(task=_only_task(wanted), address=wanted.address))
    with site.follower.lock:
        books, sponsors, ego = _everything(site, wanted.ego)
        ranking, computing = site.standings.overall(books, ego)
        known = wanted.address in {*sponsors, *_roles(books)}
    if not known:
        raise NotAvailable(f"{wanted.address} takes no part in any task")
    scored = ranking is not None and wanted.address in ranking.scores and wanted.address != ego
    return schemas.Standing(
        address=wanted.address,
        name=site.names.get(wanted.address),
        ego=ego,
        computing=computing,
        explanation=_explanation(site, ranking, wanted.address) if ranking and scored else None,
        proof=None,
        note="What is anchored on chain is of single tasks: choose one to see the proof.",
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
