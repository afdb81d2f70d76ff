"""``karat demo --report``: what a run found, as one HTML file, and its figures as PNG beside it.

Needs matplotlib (extra ``plot``).
"""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from karat.demo.plots import FIGURES, Edge, graph
from karat.demo.result import DemoResult, ParticipantResult, RoundResult
from karat.demo.run import Played
from karat.errors import ConfigError
from karat.protocol.trust import net_edges, trust_edges
from learning.arena.page import inlined, page, table, write_png


def write_report(result: DemoResult, edges: Sequence[Edge], folder: Path, command: str) -> Path:
    """Write ``index.html`` and a PNG for each figure into ``folder``; the page's path.

    Args:
        result: of the run.
        edges: its feedback graph, one net weight for each pair of addresses.
        folder: made if it is not there; a report in it is replaced.
        command: how to repeat the run.

    Raises:
        ConfigError: the folder cannot be written.
    """
    figures = {name: (title, draw(result)) for name, (title, draw) in FIGURES.items()}
    figures["graph"] = (
        "Who trusts whom: sponsor, verifiers, trainers, with their reputations",
        graph(result, edges),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, figure) in figures.items():
            write_png(figure, folder / f"{name}.png")
        target = folder / "index.html"
        target.write_text(page("Karat demo", _body(result, figures, command)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the report could not be written to {folder}: {error}") from error
    return target


def with_report(end: Played, folder: Path, command: str) -> DemoResult:
    """Write the report of a demo; its result with the page's path among the outputs.

    Raises as :func:`write_report`.
    """
    edges = net_edges(trust_edges(end.task.history))
    written = write_report(end.result, edges, folder, command)
    return replace(end.result, outputs={**end.result.outputs, "report": str(written)})


def _body(result: DemoResult, figures: dict[str, tuple[str, Figure]], command: str) -> str:
    drawn = "".join(
        f"<h2>{escape(title)}</h2>{inlined(figure, title)}" for title, figure in figures.values()
    )
    return (
        f"{_summary(result)}<p>To repeat: <code>{escape(command)}</code></p>{drawn}"
        f"<h2>Participants</h2>{_participants(result)}"
        + "".join(_round(one, result) for one in result.rounds)
        + f"<h2>Chain, store and books</h2>{_facts(result)}"
    )


def _summary(result: DemoResult) -> str:
    last = result.rounds[-1]
    holds = "holds" if result.anchor["proof_holds"] else "DOES NOT HOLD"
    return (
        f"<p>After {len(result.rounds)} rounds the model is right on {last.accuracy:.1%} of the "
        f"private test set; a federation of the same people that averages plainly ends at "
        f"{last.accuracy_plain_average:.1%}. Attackers got {result.attacker_reward_share:.2%} of "
        "the trainers' rewards. Every token is accounted for. The reputations are anchored on "
        f"chain, and the contract's check of a proof {holds}.</p>"
    )


def _participants(result: DemoResult) -> str:
    header = ("participant", "role", "score", "reward", "slashed", "reputation", "verdicts")
    return table(header, (_participant(p, result) for p in result.participants))


def _participant(one: ParticipantResult, result: DemoResult) -> tuple[str, ...]:
    return (
        one.name,
        one.role,
        "–" if one.mean_score is None else f"{one.mean_score:+.3f}",
        _tokens(one.reward, result),
        _tokens(one.slashed, result),
        "–" if one.role == "sponsor" else f"{one.reputation:+.4f}",
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(one.verdicts.items())) or "–",
    )


def _round(one: RoundResult, result: DemoResult) -> str:
    names = {p.address: p.name for p in result.participants}
    header = ("trainer", "update", "bytes", "verifiers' codes", "median", "verdict", "weight")
    rows = [
        (
            names.get(update.trainer, update.trainer),
            update.cid,
            update.size,
            " ".join(map(str, update.scores.values())),
            update.median,
            update.verdict,
            update.weight,
        )
        for update in one.updates
    ]
    return f"<h2>Round {one.round}: {escape(one.outcome)}</h2>{table(header, rows)}"


def _facts(result: DemoResult) -> str:
    money = {name.replace("_", " "): _tokens(n, result) for name, n in result.conservation.items()}
    facts = {
        **{f"chain: {name}": value for name, value in result.chain.items()},
        **{f"store: {name}": value for name, value in result.store.items()},
        "reputation: root": result.anchor["root"],
        "reputation: document": result.anchor["document"],
        **{f"tokens: {name}": value for name, value in money.items()},
        **{f"run: {name}": value for name, value in result.config.items()},
        "run: seconds": f"{result.seconds:.1f}",
    }
    return table(("fact", "value"), facts.items())


def _tokens(units: int, result: DemoResult) -> str:
    return f"{units / 10 ** int(result.token['decimals']):,.2f}"
