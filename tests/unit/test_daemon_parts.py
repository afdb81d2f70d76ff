"""The parts of the daemons that need no chain: loop, metrics, journals."""

import json
import os
import re
import socket
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import StringIO
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import structlog
from web3.exceptions import BlockNotFound

from chain.errors import ContractError, KeystoreError, LockBusy, NodeUnreachable
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.errors import StakeTooLow, WrongPhase
from chain.store import cid_of
from chain.store.errors import StoreUnreachable
from karat.errors import ConfigError, ProtocolError
from karat.participants.daemon import loop
from karat.participants.daemon.logs import daemon_log
from karat.participants.daemon.metrics import Metrics, served
from karat.participants.journal import Ballots, Slot, Updates, alone
from karat.participants.verifier.calls import Ballot
from karat.protocol.content import Content
from learning.errors import DeviceError

LOG = structlog.get_logger()
SEED = bytes(range(32))
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loop, "_FIRST_PAUSE", 0.0)
    with structlog.testing.capture_logs():
        yield


def run(outcomes: list[bool | Exception], *, once: bool = False) -> int:
    """Run a daemon whose steps end in these ways; how many steps it took."""
    taken = 0

    def step() -> bool:
        nonlocal taken
        outcome = outcomes[taken]
        taken += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    loop.run_steps(step, Event(), LOG, Metrics("verifier"), poll=lambda: 0.0, once=once)
    return taken


@pytest.mark.parametrize("asked", [True, False])
def test_a_terminals_log_has_colours_unless_asked_not_to(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("NO_COLOR", "1" if asked else "")
    daemon_log("verifier").info("started")
    structlog.reset_defaults()
    assert ("\x1b" in terminal.getvalue()) is not asked


def test_outages_are_waited_out() -> None:
    wrong_phase = WrongPhase([1, 1, Phase.REVEAL, Phase.COMMIT])
    down: list[bool | Exception] = [NodeUnreachable("down"), StoreUnreachable("down"), wrong_phase]
    assert run([*down, True, False]) == 5


@pytest.mark.parametrize(
    "fault",
    [
        StakeTooLow([1, 2]),
        OSError(28, "No space left on device"),
        FileNotFoundError(2, "gone"),
        sqlite3.OperationalError("database is locked"),
        MemoryError(),
        ProtocolError("round 1 has no seed"),
        ContractError("the contract answered 0 bytes"),
        LockBusy("process 7 has held the lock"),
        BlockNotFound("block 7"),
    ],
)
def test_what_somebody_has_to_repair_is_said_and_waited_for(fault: Exception) -> None:
    with structlog.testing.capture_logs() as logs:
        assert run([True, fault, fault, True, False]) == 5
    assert [entry["log_level"] for entry in logs] == ["error", "error"]
    assert logs[0]["error"] == type(fault).__name__
    with pytest.raises(type(fault)):
        run([fault, True], once=True)


@pytest.mark.parametrize(
    "fault", [ConfigError("no"), KeystoreError("no"), DeviceError("no"), ZeroDivisionError()]
)
def test_what_is_configured_wrongly_ends_the_daemon(fault: Exception) -> None:
    with pytest.raises(type(fault)):
        run([True, fault, False])


def test_failing_steps_make_a_daemon_unwell(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    metrics = Metrics("trainer")
    metrics.failed("FolderUnusable")
    assert metrics.health()[0]
    now[0] += 31
    metrics.failed("OSError")
    well, status = metrics.health()
    assert (well, status["status"], status["error"]) == (False, "failing", "OSError")
    metrics.stepped()
    assert metrics.health()[0]


def test_once_is_one_step_that_succeeds() -> None:
    assert run([NodeUnreachable("down"), True, True], once=True) == 2


def test_a_stopped_daemon_takes_no_step() -> None:
    stop = Event()
    stop.set()
    loop.run_steps(lambda: pytest.fail("a step"), stop, LOG, Metrics("trainer"), poll=lambda: 0.0)


def test_metrics_and_health_are_served() -> None:
    metrics = Metrics("verifier")
    metrics.stepped()
    metrics.working_on(7)
    metrics.failed("NodeUnreachable")
    with served(metrics, "127.0.0.1:0") as url:
        text = urllib.request.urlopen(f"{url}/metrics").read().decode()  # noqa: S310
        assert "karat_steps_total 1.0" in text
        assert 'karat_failures_total{error="NodeUnreachable"} 1.0' in text
        health = json.load(urllib.request.urlopen(f"{url}/health"))  # noqa: S310
        assert (health["status"], health["role"], health["round"]) == ("ok", "verifier", 7)
        metrics._last_step -= 1000
        with pytest.raises(urllib.error.HTTPError) as stalled:
            urllib.request.urlopen(f"{url}/health")  # noqa: S310
        assert stalled.value.code == 503
        stalled.value.close()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "192.0.2.1:9"])
def test_metrics_need_an_address_of_this_machine(address: str) -> None:
    with pytest.raises(ConfigError, match="metrics"), served(Metrics("trainer"), address):
        pass


def test_a_ballot_comes_back_as_it_was_written(tmp_path: Path) -> None:
    evidence = b'{"schema":"karat.evidence/1"}'
    ballot = Ballot((16384,), bytes(10), Content(cid_of(evidence).digest, len(evidence)))
    ballots, slot = Ballots(tmp_path), Slot(3, 1_000)
    assert ballots.load(slot, SEED, 1) is None
    ballots.save(slot, SEED, ballot, evidence)
    assert ballots.load(slot, SEED, 1) == (ballot, evidence)
    assert ballots.load(Slot(3, 1_001), SEED, 1) is None  # the third round of another chain
    assert ballots.load(slot, bytes(32), 1) is None  # the seed before a reorganisation


@pytest.mark.parametrize(("content", "updates"), [("{", 1), ('{"words": ["0x4000"]}', 1)])
def test_a_damaged_ballot_is_not_replaced(tmp_path: Path, content: str, updates: int) -> None:
    (tmp_path / f"round-1-5-{SEED.hex()[:16]}.json").write_text(content)
    with pytest.raises(ProtocolError, match="damaged"):
        Ballots(tmp_path).load(Slot(1, 5), SEED, updates)


def test_a_ballot_for_another_number_of_updates_is_refused(tmp_path: Path) -> None:
    ballot = Ballot((16384,), bytes(10), Content(cid_of(b"{}").digest, 2))
    ballots = Ballots(tmp_path)
    ballots.save(Slot(1, 5), SEED, ballot, b"{}")
    with pytest.raises(ProtocolError, match="17 updates"):
        ballots.load(Slot(1, 5), SEED, 17)
    with pytest.raises(ProtocolError, match="2 updates"):  # as many words, another mixture
        ballots.load(Slot(1, 5), SEED, 2)


def test_the_latest_residual_before_a_round_counts(tmp_path: Path) -> None:
    updates = Updates(tmp_path)
    first, second, third = Slot(1, 100), Slot(2, 200), Slot(3, 300)
    assert not updates.residual(first, 4).any()
    updates.save(first, b"one", np.full(4, 1.0, dtype=np.float32))
    updates.save(second, b"two", np.full(4, 2.0, dtype=np.float32))
    assert updates.load(first) == b"one"
    assert updates.load(third) is None
    assert updates.residual(second, 4).tolist() == [1.0] * 4
    assert updates.residual(third, 4).tolist() == [2.0] * 4
    assert not updates.residual(third, 5).any()  # of another model


@pytest.mark.parametrize("path", ["/health", "/metrics"])
@pytest.mark.seconds
def test_idle_connections_do_not_hold_the_metrics(path: str) -> None:
    with served(Metrics("verifier"), "127.0.0.1:0") as url, ExitStack() as stack:
        assert url is not None
        place = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        before = threading.active_count()
        for _ in range(3):  # they come again and again
            for _ in range(200):
                idle = stack.enter_context(socket.create_connection(place))
                with suppress(OSError):
                    idle.sendall(b"GET /heal")
            assert threading.active_count() - before <= 40
            with urllib.request.urlopen(f"{url}{path}", timeout=5) as answer:  # noqa: S310
                assert answer.status == 200  # at once: not when their time is up


def test_two_daemons_do_not_share_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("karat.participants.journal._OVERLAP", 0.0)
    with (
        alone(tmp_path / "journal"),
        pytest.raises(LockBusy, match=rf"with this account: process {os.getpid()} has held"),
        alone(tmp_path / "journal"),
    ):
        pass
    with alone(tmp_path / "journal"):
        pass


def test_the_dashboard_shows_what_is_exported_and_all_of_it() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text("utf-8"))
    asked: set[str] = set()
    for panel in dashboard["panels"]:
        assert panel["title"]
        for target in panel["targets"]:
            named = set(re.findall(r"\bkarat_\w+", target["expr"]))
            assert named, panel["title"]
            asked |= named
    metrics = Metrics("verifier")
    metrics.failed("OSError")  # a counter with labels has no sample before it counts
    metrics.transactions.labels("commit").inc()
    metrics.updates.labels("ok").inc()
    families = list(metrics.registry.collect())
    exported = {sample.name for family in families for sample in family.samples}
    assert asked <= exported
    for family in families:
        assert any(one.startswith(family.name) for one in asked), family.name
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)


def test_what_a_member_has_is_exported_and_a_suspended_one_is_unwell() -> None:
    metrics = Metrics("verifier")
    metrics.stepped()
    metrics.has(8.25, 1.5, 0.03)
    metrics.suspended(True)
    metrics.in_time(-1)
    with served(metrics, "127.0.0.1:0") as url:
        text = urllib.request.urlopen(f"{url}/metrics").read().decode()  # noqa: S310
        lines = (
            "stake 8.25",
            "balance 1.5",
            "ether 0.03",
            "suspended 1.0",
            "deadline_seconds -1.0",
        )
        for line in lines:
            assert f"karat_{line}" in text
        with pytest.raises(urllib.error.HTTPError) as suspended:
            urllib.request.urlopen(f"{url}/health")  # noqa: S310
        assert (suspended.value.code, json.load(suspended.value)["status"]) == (503, "suspended")
        suspended.value.close()
        metrics.suspended(False)
        assert metrics.health()[0]
