"""A trainer that a colluding committee convicted appeals, and the other verifiers acquit it."""

import pytest

from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import DEPLOYER_SEED
from chain.evm.transactions import Sender
from chain.ledger.bindings.ledger_events import (
    AppealResolved,
    AppealVoteCommitted,
    AppealVoteRevealed,
    JurorRewarded,
    Slashed,
    VerifierFined,
    VerifierRewarded,
)
from chain.ledger.client import Token
from chain.ledger.commitments import mixture_bytes, pack_scores, score_commitment, vector_hash
from chain.ledger.index import EventIndex
from karat.protocol.history import TaskHistory
from karat.sdk import Network, connect
from learning.score_codes import ZERO_SCORE
from tests.cli.home import WAIT_SECONDS, Home, wait_until, warp
from tests.cli.schemas import checked
from tests.web.serving import api, served

BOND, VERIFIER_STAKE, TOKEN = 4, 8, 10**18
TASK = f"""
task = "mlp-digits"
rounds = 1
committee_size = 3
tolerance = 16384  # verdicts alone are disputed here
rewards = {{ trainers = 10, verifiers = 1 }}
stakes = {{ trainer = 5, verifier = {VERIFIER_STAKE}, appeal_bond = {BOND} }}
verifiers = [
    {{ account = "dev:2" }}, {{ account = "dev:3" }}, {{ account = "dev:4" }},
    {{ account = "dev:5" }}, {{ account = "dev:6" }}, {{ account = "dev:7" }},
    {{ account = "dev:8" }},
]

[windows]
commit = "20m"
reveal = "20m"
score_commit = "20m"
score_reveal = "20m"
appeal = "30m"
"""
VERIFIERS = [f"dev:{number}" for number in range(2, 9)]
VICTIM, OTHER, MISTAKEN = "dev:9", "dev:10", "dev:11"
HARMFUL = 1


def play_to_the_committee(home: Home) -> Network:
    """Two honest trainers' updates are revealed, and three of seven verifiers are drawn."""
    (home.folder / "task.toml").write_text(TASK)
    home.json("up", "--port", 0, "--fund", 12)
    network = connect("local")
    home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
    home.all(*(("verifier", "join", 1, "--account", name) for name in VERIFIERS))
    home.all(*(("trainer", "join", 1, "--account", name) for name in (VICTIM, OTHER)))
    home.json("round", "open", 1, "--account", "dev:1")
    for _ in ("commit", "reveal"):
        home.all(
            ("trainer", "submit", 1, "--account", VICTIM, "--shard", "1/2"),
            ("trainer", "submit", 1, "--account", OTHER, "--shard", "2/2"),
        )
        warp(network, 1200)
    home.json("round", "settle", 1, "--account", "dev:1")
    return network


def collude(network: Network, colluders: list[Sender], victim: int) -> None:
    """The whole committee convicts the victim, and praises the other update."""
    ledger = network.ledger
    codes = [ZERO_SCORE + 500, ZERO_SCORE + 500]
    codes[victim] = HARMFUL
    words, nothing, key = pack_scores(codes), bytes(32), ledger.round_key(1, 1)
    mixture, vector = bytes(mixture_bytes(len(codes))), vector_hash(words)
    for sender in colluders:
        sealed = score_commitment(key, sender.address, vector, mixture, nothing, nothing)
        sender.send(ledger.commit_scores(1, 1, sealed))
    for sender in colluders:
        sender.send(ledger.reveal_scores(1, 1, words, mixture, nothing, nothing))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_wrongly_convicted_trainer_is_acquitted(home: Home) -> None:
    network = play_to_the_committee(home)
    ledger = network.ledger
    accounts = dev_accounts(DEPLOYER_SEED, 12)
    named = {f"dev:{i}": account for i, account in enumerate(accounts)}
    committee = ledger.committee(1, 1).verifiers
    seated = [name for name in VERIFIERS if named[name].address in committee]
    jurors = [name for name in VERIFIERS if name not in seated]
    updates = {update.trainer: update.index for update in network.task(1).updates}
    victim, other = updates[named[VICTIM].address], updates[named[OTHER].address]
    collude(network, [Sender(network.web3, named[name]) for name in seated], victim)
    home.json("round", "settle", 1, "--account", MISTAKEN)
    shown = checked(home.json("round", "show", 1))
    assert shown["phase"] == "appeal"
    assert shown["updates"][victim]["verdict"] == "harmful"

    # The victim appeals; so does somebody who is wrong.
    challenge = ("round", "appeal", 1, 1)
    assert checked(home.json(*challenge, victim, "--account", VICTIM))["jurors"] == 7
    assert checked(home.json(*challenge, other, "--account", MISTAKEN))["bond"] == BOND * TOKEN
    assert "appealed before" in home.run(*challenge, victim, "--account", MISTAKEN, code=5)[1]
    token = Token(network.web3, ledger.task_params(1).token)
    before = {name: token.balance_of(named[name].address) for name in (VICTIM, MISTAKEN)}

    daemons = [home.start("verifier", "run", 1, "--account", name, log=name) for name in jurors]
    wait_until(lambda: any(network.events(AppealVoteCommitted)), "a juror's commitment")
    daemons[0].kill()  # and started again: it votes as it has committed to
    daemons[0].join()
    daemons[0] = home.start("verifier", "run", 1, "--account", jurors[0], log=jurors[0])
    sealed = 2 * len(jurors)
    wait_until(lambda: len(list(network.events(AppealVoteCommitted))) == sealed, "all commitments")
    warp(network, 1800)  # those who lied do not vote again
    wait_until(lambda: len(list(network.events(AppealResolved))) == 2, "both appeals' ends")
    warp(network, 1800)
    for daemon in daemons:
        daemon.join(WAIT_SECONDS)
        assert daemon.exitcode == 0

    ended = {event.index: event for event in network.events(AppealResolved)}
    assert (ended[victim].upheld, ended[victim].reward) == (True, 3 * (2 * BOND * TOKEN // 3) // 2)
    assert not ended[other].upheld
    for kind in (AppealVoteCommitted, AppealVoteRevealed):
        votes = [(event.index, event.juror) for event in network.events(kind)]
        assert len(votes) == len(set(votes)) == sealed
    # All jurors computed the same.
    codes = {event.index: event.code for event in network.events(AppealVoteRevealed)}
    assert all(codes[event.index] == event.code for event in network.events(AppealVoteRevealed))

    shown = checked(home.json("round", "show", 1))
    assert shown["updates"][victim]["verdict"] == "ok"
    outcomes = {one["index"]: one["outcome"] for one in shown["appeals"]}
    assert outcomes == {victim: "upheld", other: "rejected"}
    text, _ = home.run("round", "show", 1)
    assert f"appeal against the verdict on {victim} by {named[VICTIM].address}: upheld" in text

    # Paid like any honest trainer, bond back, and half of what the three who lied are fined.
    weight, total = codes[victim] - ZERO_SCORE, ledger.round_info(1, 1).payout_total
    total = max(total, ledger.task_params(1).full_pay_gain)
    assert 0 < weight < total
    fine = 2 * BOND * TOKEN // 3
    reward = 3 * fine // 2
    home.all(*(("trainer", "claim", 1, "--account", name) for name in (VICTIM, OTHER, MISTAKEN)))
    earned = token.balance_of(named[VICTIM].address) - before[VICTIM]
    assert earned == 10 * TOKEN * weight // total + BOND * TOKEN + reward
    assert ledger.member(1, named[VICTIM].address).stake == 5 * TOKEN
    assert not list(network.events(Slashed))
    fined = {event.verifier: event.amount for event in network.events(VerifierFined)}
    assert fined == {named[name].address: fine for name in seated}
    # The one who was wrong has lost the bond to the jurors, who also get half of the fines.
    assert token.balance_of(named[MISTAKEN].address) == before[MISTAKEN]
    paid_jurors = sum(event.amount for event in network.events(JurorRewarded))
    assert BOND * TOKEN + 3 * fine - reward - paid_jurors in range(len(jurors) * 2)
    # The reputations are those after the appeal: the victim is trusted.
    assert network.reputation.of(named[VICTIM].address) > 0
    assert checked(home.json("reputation", "verify", named[VICTIM].address))["score"] > 0
    assert "takes no appeals" in home.run(*challenge, other, "--account", VICTIM, code=1)[1]
    rewards = {
        VICTIM: 10 * TOKEN * weight // total + reward,  # the bond came back: no income
        **dict.fromkeys(seated, 0),
    }
    slashed = {VICTIM: 0, **dict.fromkeys(seated, fine)}
    for name, reward in rewards.items():
        told = figures(home, network, name, named[name].address)
        paid = sum(
            event.reward
            for event in network.events(VerifierRewarded)
            if event.verifier == named[name].address
        )
        assert told == dict.fromkeys(told, (reward + paid, slashed[name])), name


def figures(home: Home, network: Network, name: str, address: str) -> dict[str, tuple[int, int]]:
    """What an account has earned and lost in the task, as every face says it."""
    role = "trainer" if name == VICTIM else "verifier"
    shown = home.json(role, "status", 1, "--account", name)
    [of_sdk] = [one for one in network.task(1).participants if one.address == address]
    folder = home.folder / f"page-{name[4:]}"
    folder.mkdir()
    with served(network, f"local:{folder}", folder) as url:
        of_page = api(url, f"/tasks/1/participants/{address}")
    database = folder / "another.sqlite"
    addresses = {"ledger": network.ledger.address, "anchor": network.anchor.address}
    with EventIndex(database, network.web3, **addresses) as index:
        index.sync()
        history = TaskHistory(network.ledger, 1)
        history.apply(index.events(task_id=1))
    account = history.account(address)
    return {
        "command line": (shown["rewarded"], shown["slashed"]),
        "SDK": (of_sdk.reward, of_sdk.slashed),
        "page": (int(of_page["earned"]), int(of_page["slashed"])),
        "index": (account.earned, account.slashed),
    }
