"""A round: phases, committee, updates, the evidence behind verdicts, gas."""

from copy import deepcopy
from statistics import median
from typing import Literal, cast

from chain.ledger.bindings.enums import Phase
from karat.errors import NotAvailable
from karat.money import Money
from karat.protocol.evidence import likely_bytes, most_bytes
from karat.protocol.rules import earned, phase_name
from karat.protocol.state import Outcome, Revealed
from karat.protocol.state import Round as PastRound
from karat.protocol.why import explain
from karat.web import evidence, schemas
from karat.web.book import RoundBook, TaskBook
from karat.web.facts import State
from karat.web.library import Found
from karat.web.parameters import RoundPage, RoundPath, UpdatePath
from karat.web.site import Site
from karat.web.views.tasks import cid, phase_of, place, state_of, summary_of_round, verdict_of
from learning.evidence import Evidence
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.scores import decode_score

_MOST_TRANSACTIONS = 2_500
_COURSE = (
    Phase.COMMIT, Phase.REVEAL, Phase.CLOSE, Phase.SCORE_COMMIT, Phase.SCORE_REVEAL, Phase.SETTLE,
)  # fmt: skip


def round_(site: Site, wanted: RoundPath) -> schemas.Round:
    """One round with its phases and committee."""
    book, state = _book(site, wanted), state_of(site, wanted.task)
    with site.follower.lock:
        current, past = book.rounds[wanted.round], book.history.rounds[wanted.round]
        blocks = _blocks(current)
    times = site.facts.times(blocks.values())
    moments = {name: times[block] for name, block in blocks.items() if block in times}
    with site.follower.lock:
        params = book.history.params
        return schemas.Round(
            **summary_of_round(book, wanted.round, state),
            steps=_steps(book, wanted.round, state, moments),
            committee=[_member(site, current, past, one) for one in past.committee],
            opened=place(current.opened.at),
            closed=None if current.closed is None else place(current.closed.at),
            decided=None if current.decided is None else place(current.decided.at),
            seed=None if past.seed is None else "0x" + past.seed.hex(),
            base_model=cid(past.base_digest, past.base_size),
            next_model=None if past.next_model is None else cid(*past.next_model),
            missing=past.missing if current.closed else [],
            trainer_budget=str(params.trainer_budget),
            verifier_budget=str(params.verifier_budget),
        )


def _blocks(current: RoundBook) -> dict[str, int]:
    """The blocks in which a round moved on."""
    blocks = {"opened": current.opened.at.block_number}
    if current.closed is not None:
        blocks["closed"] = current.closed.at.block_number
    if current.decided is not None:
        blocks["decided"] = current.decided.at.block_number
    return blocks


def _steps(
    book: TaskBook, number: int, state: State | None, moments: dict[str, int]
) -> list[schemas.Step]:
    """The phases of a round; one that anyone ends, and nobody has, has no end."""
    current, closed = book.rounds[number], book.rounds[number].closed
    commit, reveal = current.opened.commit_deadline, current.opened.reveal_deadline
    decided = moments.get("decided", 1 << 40)  # score phases end early once all have voted
    scored = min(closed.score_commit_deadline, decided) if closed else None
    told = min(closed.score_reveal_deadline, decided) if closed else None
    edges: list[int | None] = [
        moments.get("opened"), commit, reveal, moments.get("closed"), scored, told,
        moments.get("decided"),
    ]  # fmt: skip
    phase = phase_of(book, number, state)
    names = [phase_name(one) for one in _COURSE]
    here = names.index(phase) if phase in names else len(names) if phase != "none" else 0
    return [
        schemas.Step(
            phase=cast("schemas.Phase", name),
            state="done" if i < here else "now" if i == here else "next",
            begins=edges[i],
            ends=edges[i + 1],
        )
        for i, name in enumerate(names)
    ]


def _member(
    site: Site, current: RoundBook, past: PastRound, address: str
) -> schemas.CommitteeMember:
    closed = current.closed
    weights = dict(zip(closed.committee, closed.weights, strict=True)) if closed else {}
    model = past.attested.get(address)
    updates, told = len(past.updates), past.evidence.get(address)
    return schemas.CommitteeMember(
        address=address,
        name=site.names.get(address),
        weight=weights.get(address, 0),
        state=_vote_state(current, past, address),
        agreement=past.agreement.get(address),
        reward=str(past.verifier_rewards.get(address, 0)),
        slashed=str(past.slashes.get(address, 0)),
        evidence=None if told is None else cid(told, likely_bytes(updates)),
        model=None if model is None else cid(*model),
        voted=_act(current, "reveal scores", address),
    )


def _vote_state(
    current: RoundBook, past: PastRound, address: str
) -> Literal["silent", "committed", "revealed"]:
    if address in past.votes:
        return "revealed"
    return "committed" if address in current.sealed else "silent"


def updates(site: Site, wanted: RoundPage) -> schemas.UpdateList:
    """The updates of a round."""
    book = _book(site, wanted)
    with site.follower.lock:
        past = book.history.rounds[wanted.round]
        revealed = [one for one in past.updates if _matches(past, one, wanted.verdict)]
        missing = [] if wanted.verdict else past.missing
        rows: list[Revealed | str] = [*revealed, *missing]
        shown = rows[wanted.offset : wanted.offset + wanted.limit]
        items = [
            _missing(site, book, wanted.round, row)
            if isinstance(row, str)
            else update_of(site, book, wanted.round, row)
            for row in shown
        ]
        voters = [schemas.Voter(address=one, name=site.names.get(one)) for one in past.votes]
    return schemas.UpdateList(total=len(rows), offset=wanted.offset, voters=voters, items=items)


def _matches(past: PastRound, update: Revealed, wanted: str) -> bool:
    if not wanted:
        return True
    code = _code(past, update.index)
    if code is None:
        return False
    kind = "paid" if code > ZERO_SCORE else "unpaid" if code >= LOWEST_SCORE else "refused"
    return kind == wanted


def _code(past: PastRound, index: int) -> int | None:
    """The settled median of an update; None before it is settled."""
    return past.medians[index] if index < len(past.medians) else None


def update_of(site: Site, book: TaskBook, number: int, row: Revealed) -> schemas.Update:
    """A revealed update; the book's lock is held."""
    past = book.history.rounds[number]
    code = _code(past, row.index)
    void = past.outcome is Outcome.VOID
    credited = past.claimed.get(row.trainer)
    reward = credited if credited is not None else earned(book.history.params, past, code)
    return schemas.Update(
        index=row.index,
        trainer=row.trainer,
        name=site.names.get(row.trainer),
        cid=cid(row.digest, row.size),
        size=row.size,
        verdict=verdict_of(0) if void else None if code is None else verdict_of(code),
        code=code,
        score=score(code),
        votes=[_vote(one, codes[row.index]) for one, codes in past.votes.items()],
        reward=str(reward),
        claimed=credited is not None,
        slashed=str(past.slashes.get(row.trainer, 0)),
        appealed=row.index in past.appeals,
        committed=_act(book.rounds[number], "commit", row.trainer),
        revealed=_act(book.rounds[number], "reveal", row.trainer),
        credited=_act(book.rounds[number], "claim", row.trainer),
    )


def _act(current: RoundBook, step: str, account: str) -> schemas.Place | None:
    at = current.acts.get((step, account))
    return None if at is None else place(at)


def _vote(verifier: str, code: int) -> schemas.Vote:
    return schemas.Vote(verifier=verifier, code=code, verdict=verdict_of(code), score=score(code))


def score(code: int | None) -> float | None:
    """The relative improvement that a code stands for; None for a verdict."""
    return decode_score(code) if code is not None and code >= LOWEST_SCORE else None


def _missing(site: Site, book: TaskBook, number: int, trainer: str) -> schemas.Update:
    past = book.history.rounds[number]
    return schemas.Update(
        index=None,
        trainer=trainer,
        name=site.names.get(trainer),
        cid=None,
        size=None,
        verdict=None,
        code=None,
        score=None,
        votes=[],
        reward="0",
        claimed=False,
        slashed=str(past.slashes.get(trainer, 0)),
        appealed=False,
        committed=_act(book.rounds[number], "commit", trainer),
        revealed=None,
        credited=None,
    )


def update(site: Site, wanted: UpdatePath) -> schemas.Evidence:
    """One update, with what each verifier's evidence says of it."""
    book = _book(site, wanted)
    with site.follower.lock:
        past = book.history.rounds[wanted.round]
        if wanted.index >= len(past.updates):
            raise NotAvailable(
                f"round {wanted.round} of task {wanted.task} has no update {wanted.index}"
            )
        shown = update_of(site, book, wanted.round, past.updates[wanted.index])
        count = len(past.updates)
        told = [(one, past.evidence[one], codes[wanted.index]) for one, codes in past.votes.items()]
        params, past = book.history.params, deepcopy(past)  # what is read below may take its time
    reports = [_report(site, one, digest, code, wanted.index, count) for one, digest, code in told]

    def read(verifier: str) -> Evidence | str:
        found = _document(site, past.evidence[verifier], count)
        return found.value if found.state == "read" else found.note or "it is not there yet"

    unit = site.facts.unit(params.token)
    why = explain(params, past, shown.trainer, Money(unit.symbol, unit.decimals), read)
    return schemas.Evidence(
        update=shown, answer=list(why.answer), change=why.change, reports=reports
    )


def _document(site: Site, digest: bytes, count: int) -> Found:
    """A verifier's evidence of so many updates."""
    return site.library.document(
        digest, most_bytes(count), likely_bytes(count), Evidence.from_bytes
    )


def _report(
    site: Site, verifier: str, digest: bytes, code: int, index: int, count: int
) -> schemas.Report:
    """What one verifier's evidence says of an update, compared with its vote on chain."""
    found = _document(site, digest, count)
    entry = found.value.entry(index) if found.state == "read" else None
    state, note = found.state, found.note
    if found.state == "read" and entry is None:
        state, note = "malformed", "The evidence says nothing of this update."
    checks = [] if entry is None else evidence.checks(entry)
    return schemas.Report(
        verifier=verifier,
        name=site.names.get(verifier),
        evidence=cid(digest, likely_bytes(count)),
        state=state,
        note=note,
        agrees=None if entry is None else entry.code == code,
        summary=None if entry is None else evidence.summary(entry, checks),
        findings=[] if entry is None else evidence.findings(found.value, entry),
        checks=checks,
    )


def gas(site: Site, wanted: RoundPath) -> schemas.Gas:
    """Gas of a round's transactions, by what they did; read from receipts."""
    book = _book(site, wanted)
    with site.follower.lock:
        steps = {one: " + ".join(sorted(done)) for one, done in _did(book, wanted.round).items()}
    chosen = dict(list(steps.items())[:_MOST_TRANSACTIONS])
    used = site.facts.gas(chosen)
    kinds: dict[str, list[bytes]] = {}
    for one, step in chosen.items():
        kinds.setdefault(step, []).append(one)
    rows = [
        _gas_step(step, len(ones), [used[one] for one in ones if one in used])
        for step, ones in kinds.items()
    ]
    return schemas.Gas(
        steps=rows,
        total=sum(row.total for row in rows),
        cost=str(sum(int(row.cost) for row in rows)),
        more=len(steps) - len(chosen),
    )


def _did(book: TaskBook, number: int) -> dict[bytes, set[str]]:
    return book.rounds[number].steps


def _gas_step(step: str, transactions: int, known: list[tuple[int, int]]) -> schemas.GasStep:
    used = [gas for gas, _ in known]
    return schemas.GasStep(
        step=step,
        transactions=transactions,
        known=len(used),
        total=sum(used),
        median=round(median(used)) if used else None,
        most=max(used, default=None),
        cost=str(sum(wei for _, wei in known)),
    )


def _book(site: Site, wanted: RoundPath) -> TaskBook:
    book = site.follower.book(wanted.task)
    if wanted.round not in book.rounds:
        raise NotAvailable(f"round {wanted.round} of task {wanted.task} has not been opened")
    return book
