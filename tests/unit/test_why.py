"""Why an update was paid what it was paid: every case, from rounds that the judge judged."""

from dataclasses import replace

import pytest

from chain.store import open_store
from karat.protocol.evidence import read_evidence
from karat.protocol.state import Outcome
from karat.protocol.why import CHANGE, Case, Why
from learning.evidence import Evidence
from learning.score_codes import ZERO_SCORE, Verdict
from tests.answers.rounds import PARAMS, TYPICAL, VERIFIER, Judged, judged

QUICK = {
    "An update that was paid": Case.PAID,
    "Labels that are wrong": Case.NOTHING_ADDED,
    "Two accounts, one update": Case.PAID,
    "Bytes that are no update": Case.MALFORMED,
    "Bytes that nobody can get": Case.UNAVAILABLE,
    "A commitment without a reveal": Case.NOT_REVEALED,
    "Too few verifiers": Case.VOID,
    "An appeal that changed the verdict": Case.HARMFUL,
    "Evidence that is missing": Case.UNEXPLAINED,
}


def altered(made: Judged, index: int, *, code: int, **fields: object) -> Why:
    """The answer had the evidence said something else of an update, and the vote been ``code``."""
    assert isinstance(made.evidence, Evidence)
    entries = list(made.evidence.updates)
    top = {key: value for key, value in fields.items() if key in Evidence.model_fields}
    own = {key: value for key, value in fields.items() if key not in top}
    entries[index] = entries[index].model_copy(update={"code": code, **own})
    evidence = made.evidence.model_copy(update={"updates": tuple(entries), **top})
    made.current.medians[index] = made.current.votes[VERIFIER][index] = min(code, ZERO_SCORE)
    return replace(made, evidence=evidence).why(f"trainer-{index}")


@pytest.mark.parametrize(("title", "case"), QUICK.items())
def test_a_real_round_is_answered(title: str, case: Case) -> None:
    why = TYPICAL[title]()
    assert why.case is case
    assert why.change == CHANGE[case]
    assert all(line.endswith((".", "!")) for line in why.answer)


def test_the_numbers_are_those_of_chain_and_evidence() -> None:
    made = judged(0)
    why = made.why("trainer-2")
    total = sum(max(0, code - ZERO_SCORE) for code in made.current.medians)
    assert why.code == made.current.medians[2]
    assert why.reward == PARAMS.trainer_budget * (why.code - ZERO_SCORE) // total
    assert isinstance(made.evidence, Evidence)
    assert why.numbers["gain"] == made.evidence.updates[2].gain
    assert f"{why.numbers['gain']:.3%}" in " ".join(why.answer)


def test_unpaid_scores_are_told_apart() -> None:
    assert altered(judged(0), 1, code=ZERO_SCORE, gain=2e-5).case is Case.BELOW_A_STEP
    assert altered(judged(0), 1, code=ZERO_SCORE, gain=-0.5).case is Case.NOTHING_ADDED
    stood = altered(judged(0), 1, code=ZERO_SCORE, gain=0.0, paid_part=0.0, least_loss=0.5)
    assert stood.case is Case.NO_PROGRESS
    assert "0.5" in " ".join(stood.answer)
    stale = altered(judged(0), 1, code=int(Verdict.STALE))
    assert stale.case is Case.STALE


def test_rounds_that_are_not_over() -> None:
    made = judged(0)
    made.current.outcome, made.current.medians = Outcome.OPEN, []
    assert made.why("trainer-0").case is Case.OPEN
    made.current.commits.append("late")
    assert made.why("late").case is Case.OPEN
    assert made.why("nobody").case is Case.NOT_COMMITTED


def test_evidence_that_does_not_fit_the_vote_or_the_update_explains_nothing() -> None:
    made = judged(0)
    made.current.medians[1] = made.current.votes[VERIFIER][1] = ZERO_SCORE - 9
    told = made.why("trainer-1")
    assert told.case is Case.UNEXPLAINED
    assert not told.numbers
    assert f"the vote was {ZERO_SCORE - 9}" in " ".join(told.answer)
    foreign = altered(judged(0), 1, code=ZERO_SCORE, digest="00" * 32)
    assert foreign.case is Case.UNEXPLAINED
    assert "says nothing of this update" in " ".join(foreign.answer)


def test_hostile_words_of_evidence_act_on_nobody() -> None:
    made = judged(0, None)
    assert isinstance(made.evidence, Evidence)
    entries = list(made.evidence.updates)
    reason = entries[-1].findings[0].model_copy(update={"reason": "\x1b[2J\u202e" + "x" * 9_999})
    entries[-1] = entries[-1].model_copy(update={"findings": (reason,)})
    evil = replace(made, evidence=made.evidence.model_copy(update={"updates": tuple(entries)}))
    text = " ".join(evil.why(f"trainer-{len(entries) - 1}").answer)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < 1_000


def test_evidence_is_read_or_one_sentence_says_why_not(tmp_path: object) -> None:
    store = open_store(f"local:{tmp_path}")
    evidence = judged(0).evidence
    assert isinstance(evidence, Evidence)
    good = store.add(evidence.to_bytes(), owner="v", round=1).digest
    assert read_evidence(store, good, 8) == evidence
    assert "does not have it" in str(read_evidence(store, bytes(32), 8))
    junk = store.add(b"{}", owner="v", round=1).digest
    assert "cannot be read" in str(read_evidence(store, junk, 8))
    long = store.add(bytes(1 << 21), owner="v", round=1).digest
    assert "longer than 1048576 bytes" in str(read_evidence(store, long, 8))
