"""``karat reputation recommend``: whom to hire, and why."""

from enum import StrEnum
from typing import Annotated

import typer

from karat.cli.options import verb
from karat.cli.question import DECAYS, GRAPH, Asked, Question, named, path_line
from karat.sdk import documents


class Role(StrEnum):
    """What somebody is to be hired as."""

    verifier = "verifier"
    trainer = "trainer"


@verb(*GRAPH, *DECAYS, prints=documents.ReputationRecommended, options=Question)
def recommend(
    terminal: Asked,
    role: Annotated[
        Role | None,
        typer.Argument(help="verifier, to appoint; or trainer, to invite. Not with --graph."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 10,
) -> None:
    """Recommend verifiers to appoint, trainers to invite, or whom the nodes of a file praise.

    Half by EGO's trust in the candidate, half by the record with clients that EGO trusts.
    """
    question = terminal.options
    if (role is None) == (question.graph is None):
        wrong = "say verifier or trainer" if role is None else "a file of edges knows no roles"
        raise typer.BadParameter(wrong, param_hint="ROLE")
    ranking = question.ranking(terminal)
    if role is None:
        best = ranking.recommend_served(count)
    else:
        served, candidates = question.of_task(terminal).services(role.value)
        best = ranking.recommend(served, candidates, count, role.value)
    if not best.recommended and not question.json:
        terminal.note(f"Nobody that {named(best.names, best.ego)} trusts can speak for anyone yet.")
    terminal.show(best, [line for one in best.recommended for line in _lines(one, best.names)])


def _lines(one: documents.Recommended, names: dict[str, str]) -> list[str]:
    """A candidate for people, with its reasons."""
    clients = [
        f"  {client.share:6.1%} of its record: {named(names, client.node)}"
        for client in one.clients
    ]
    return [
        f"{named(names, one.node)}: {one.score:.4f} (trust {one.trust:.4f}, record "
        f"{one.service:.4f})",
        *(path_line(path, names) for path in one.paths),
        *clients,
    ]
