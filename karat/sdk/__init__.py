"""Karat for scripts: ``from karat import connect``.

>>> net = connect("local", account="tom", password="…")     # doctest: +SKIP
>>> net.reputation.top(3)                                   # doctest: +SKIP
[('0x36df…', 0.0441), ('0x6016…', 0.0438), ('0x0b1f…', 0.0417)]
>>> net.task(1).join_trainer().send()                       # doctest: +SKIP
TrainerJoined(dry_run=False, transactions=[…], task=1, role='trainer', …)

What reads returns at once: objects, or frozen dataclasses (:mod:`karat.sdk.documents`), which the
command line prints with ``--json``. What acts returns a :class:`~karat.sdk.plan.Plan`, to be
looked at (``calls``, ``estimate()``), tried (``dry_run()``) or sent (``send()``).

Names are loaded when they are first used, so that importing this costs nothing (SPEC 1 of
Scientific Python).
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from karat.sdk import (
        arena,
        costs,
        devnet,
        doctor,
        documents,
        feedback,
        files,
        graph,
        networks,
        own_tasks,
    )
    from karat.sdk.accounts import Accounts
    from karat.sdk.configuration import configuration, folders, load_settings, read_password_file
    from karat.sdk.connection import Contracts, connect, node_of, open_network, profile_of
    from karat.sdk.feedback import Feedback
    from karat.sdk.files import Files
    from karat.sdk.graph import Ranking, Sampling
    from karat.sdk.interfaces import interfaces
    from karat.sdk.network import Network
    from karat.sdk.peers import peer_weights
    from karat.sdk.plan import Outcome, Plan
    from karat.sdk.reputation import Reputation
    from karat.sdk.task import Task
    from karat.sdk.training import Training
    from karat.sdk.views import Participant, RoundUpdate, TaskView, to_records, updates_of

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submodules=[
        "arena",
        "costs",
        "devnet",
        "doctor",
        "documents",
        "feedback",
        "files",
        "graph",
        "networks",
        "own_tasks",
    ],
    submod_attrs={
        "accounts": ["Accounts"],
        "configuration": ["configuration", "folders", "load_settings", "read_password_file"],
        "files": ["Files"],
        "peers": ["peer_weights"],
        "graph": ["Ranking", "Sampling"],
        "connection": ["Contracts", "connect", "node_of", "open_network", "profile_of"],
        "feedback": ["Feedback"],
        "interfaces": ["interfaces"],
        "network": ["Network"],
        "plan": ["Outcome", "Plan"],
        "reputation": ["Reputation"],
        "task": ["Task"],
        "training": ["Training"],
        "views": ["Participant", "RoundUpdate", "TaskView", "to_records", "updates_of"],
    },
)

__all__ = [
    "Accounts",
    "Contracts",
    "Feedback",
    "Files",
    "Network",
    "Outcome",
    "Participant",
    "Plan",
    "Ranking",
    "Reputation",
    "RoundUpdate",
    "Sampling",
    "Task",
    "TaskView",
    "Training",
    "arena",
    "configuration",
    "connect",
    "costs",
    "devnet",
    "doctor",
    "documents",
    "feedback",
    "files",
    "folders",
    "graph",
    "interfaces",
    "load_settings",
    "networks",
    "node_of",
    "open_network",
    "own_tasks",
    "peer_weights",
    "profile_of",
    "read_password_file",
    "to_records",
    "updates_of",
]
