"""A task with its members on a devnet, whose daemons run in the background with it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from chain.devnet.background import devnet_folder
from chain.folders import write_atomically
from karat.errors import ConfigError
from karat.protocol.rounds import is_over
from karat.sdk.documents import Daemon

if TYPE_CHECKING:
    from karat.sdk.network import Network

SPONSOR = "dev:1"
_RECORD = "daemons.json"
_STOP_SECONDS = 30.0
_RUN = "from karat.cli.app import main; main()"


@dataclass(frozen=True)
class _Started:
    """A daemon that was started: its command, and the process that it was or is."""

    role: str
    account: str
    task: int
    words: list[str]
    pid: int
    since: float

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it still runs: an id may be another program's by now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.since) < 0.01
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class Staff:
    """The daemons of a devnet's development accounts."""

    def __init__(self, name: str) -> None:
        self._network, self._folder = name, devnet_folder(name)

    def running(self) -> list[Daemon]:
        """Those that run."""
        return [
            Daemon(role=one.role, account=one.account, pid=one.pid, log=str(self._log(one)))
            for one in self._started()
            if one.process is not None
        ]

    def hire(self, network: "Network", spec: Path, trainers: int, verifiers: int) -> int:
        """Create a task, let development accounts join, and start their daemons; its number.

        The sponsor is ``dev:1``; verifiers, appointed in place of the file's, and trainers follow.

        Raises:
            ConfigError: the task file is wrong, or has no room.
        """
        from karat.participants.sponsor.taskfile import (  # noqa: PLC0415 - brings in torch
            Grant,
            TaskFile,
            load_task_file,
        )
        from karat.sdk.connection import connect  # noqa: PLC0415 - it imports this package

        file = load_task_file(spec)
        if trainers > file.max_trainers:
            raise ConfigError(f"the task takes {file.max_trainers} trainers, not {trainers}")
        judges = [f"dev:{2 + i}" for i in range(verifiers)]
        grants = [Grant(account=name) for name in judges]
        fields = file.model_dump(exclude={"verifiers", "committee_size", "open_verifiers"})
        file = TaskFile(**fields, verifiers=grants)
        store = network.store_url

        def as_(name: str) -> "Network":
            return connect(self._network, account=name, store=store)

        number = as_(SPONSOR).create_task(file).send().task
        assert number is not None  # noqa: S101 - it was sent
        for name in judges:
            as_(name).task(number).join_verifier().send()
        workers = [f"dev:{2 + verifiers + i}" for i in range(trainers)]
        for name in workers:
            as_(name).task(number).join_trainer().send()
        for name in judges:
            self._start("verifier", name, number, store, [])
        for position, name in enumerate(workers, 1):
            shard = [] if file.assigned_examples else ["--shard", f"{position}/{trainers}"]
            self._start("trainer", name, number, store, shard)
        return number

    def resume(self, network: "Network") -> None:
        """Start those again that ended with the devnet, where the task is not over."""
        ended = [one for one in self._started() if one.process is None]
        over = {task for task in {one.task for one in ended} if is_over(network.ledger, task)}
        for one in ended:
            self._forget(one)
            if one.task not in over:
                self._run(one.role, one.account, one.task, one.words)

    def stop(self) -> None:
        """End all of them, each after the step that it is in; the next start resumes them."""
        processes = [one.process for one in self._started()]
        alive = [process for process in processes if process is not None]
        for process in alive:
            process.terminate()
        for process in psutil.wait_procs(alive, _STOP_SECONDS)[1]:
            process.kill()

    def _start(
        self, role: str, account: str, task: int, store: str | None, more: list[str]
    ) -> None:
        words = [role, "run", str(task), "--account", account, "--network", self._network, *more]
        self._run(role, account, task, words if store is None else [*words, "--store", store])

    def _run(self, role: str, account: str, task: int, words: list[str]) -> None:
        draft = _Started(role, account, task, words, 0, 0.0)
        with self._log(draft).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _RUN, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
            )
        since = psutil.Process(process.pid).create_time()
        started = _Started(role, account, task, words, process.pid, since)
        self._save([*self._started(), started])

    def _forget(self, gone: _Started) -> None:
        self._save([one for one in self._started() if one != gone])

    def _log(self, one: _Started) -> Path:
        return self._folder / f"task-{one.task}-{one.role}-{one.account.replace(':', '')}.log"

    def _started(self) -> list[_Started]:
        try:
            return [_Started(**one) for one in json.loads((self._folder / _RECORD).read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{self._folder / _RECORD} is damaged: {error}") from error

    def _save(self, all_: list[_Started]) -> None:
        write_atomically(self._folder / _RECORD, json.dumps([asdict(one) for one in all_]))
