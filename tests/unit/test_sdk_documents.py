"""Documents: every verb names its own, each is declared once, and JSON has what it says."""

import ast
import inspect
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

import karat.demo.result  # noqa: F401 - the demo's document is declared there
from karat.cli.app import VERBS, app
from karat.sdk.documents import DOCUMENTS, Document, ReputationExported, Sent, TaskList
from karat.sdk.network import Network
from karat.sdk.plan import Plan
from karat.sdk.schemas import json_schema
from karat.sdk.standings import TaskStandings
from karat.sdk.task import Task

CLI = Path(__file__).resolve().parents[2] / "karat" / "cli"
# Schemas are an interface: a name that changes or goes breaks other people's programs.
SCHEMAS = """
abi account account.address account.fund account.list account.passwd account.remove account.rename
arena arena-list config cost demo deploy deploy.dry-run doctor down journal.export journal.import
leave model.export model.receipts
model.without network
network.list network.remove
reputation.attest reputation.audit reputation.epochs reputation.explain reputation.export
reputation.follow reputation.import reputation.keep reputation.prove reputation.recommend
reputation.standing reputation.vouch
reputation.show reputation.top reputation.verify round round.appeal round.open round.settle serve
status store.add store.gc store.get store.pin store.pull store.push store.stat store.unpin
store.verify task task.check task.close task.create task.list task.new
task.top-up trainer.base trainer.check trainer.claim
trainer.join
trainer.run trainer.status trainer.submit trainer.top-up trainer.train trainer.why up verifier.claim
verifier.join verifier.run verifier.status verifier.top-up watch
"""
# What a script calls for each verb that sends transactions.
ACTS: dict[str, tuple[type, tuple[str, ...]]] = {
    "task create": (Network, ("create_task",)),
    "task top-up": (Task, ("fund",)),
    "task close": (Task, ("close",)),
    "trainer join": (Task, ("join_trainer",)),
    "trainer top-up": (Task, ("top_up",)),
    "trainer leave": (Task, ("leave",)),
    "trainer submit": (Task, ("submit", "reveal")),
    "trainer claim": (Task, ("claim",)),
    "verifier join": (Task, ("join_verifier",)),
    "verifier top-up": (Task, ("top_up",)),
    "verifier leave": (Task, ("leave",)),
    "verifier claim": (Task, ("withdraw",)),
    "round open": (Task, ("open_round",)),
    "round settle": (Task, ("advance",)),
    "round appeal": (Task, ("appeal",)),
    "reputation attest": (Task, ("attest",)),
    "reputation prove": (TaskStandings, ("prove",)),
    "reputation vouch": (TaskStandings, ("vouch",)),
}


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
    else:
        for verb, child in children.items():
            yield from _leaves(f"{name} {verb}".strip(), child)


LEAVES = dict(_leaves("", typer.main.get_command(app)))


def test_schemas_keep_their_names() -> None:
    assert set(DOCUMENTS) == {f"karat.{name}/1" for name in SCHEMAS.split()}


def test_every_verb_names_its_documents() -> None:
    printed = {kind for leaf in LEAVES.values() for kind in leaf.callback.prints}
    assert all(issubclass(kind, Document) and kind.SCHEMA for kind in printed)
    assert printed == set(DOCUMENTS.values())


def test_everything_that_the_command_line_sends_a_script_can_send() -> None:
    sending = {
        name
        for name, leaf in LEAVES.items()
        if any(issubclass(kind, Sent) for kind in leaf.callback.prints)
    }
    assert sending == set(ACTS)
    for verb, (owner, methods) in ACTS.items():
        for method in methods:
            returned = getattr(owner, method).__annotations__["return"]
            assert typing.get_origin(returned) is Plan, f"{owner.__name__}.{method}"
            (document,) = typing.get_args(returned)
            assert any(issubclass(kind, document) for kind in LEAVES[verb].callback.prints), (
                f"{verb} prints another document than {method} makes"
            )


@pytest.mark.parametrize("schema", sorted(DOCUMENTS))
def test_every_document_has_a_json_schema(schema: str) -> None:
    kind = DOCUMENTS[schema]
    assert is_dataclass(kind)
    assert kind.__doc__
    made = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["properties"]["schema"] == {"const": schema}
    assert made["additionalProperties"] is False


def test_a_field_that_is_not_declared_is_refused() -> None:
    check = jsonschema.Draft202012Validator(json_schema(TaskList))
    check.validate(TaskList(tasks=[]).to_json())
    for wrong in ({"tasks": [], "more": 1}, {}, {"tasks": [{"task": 1}]}):
        with pytest.raises(jsonschema.ValidationError):
            check.validate({"schema": TaskList.SCHEMA, **wrong})


def test_what_a_document_may_lack_is_left_out() -> None:
    view = {
        "ego": "a",
        "names": {},
        "alpha": 0.15,
        "beta": 0.0,
        "gamma": 0.0,
        "nodes": 1,
        "edges": 0,
    }
    made = ReputationExported(**view, format="csv", text="")  # type: ignore[arg-type]
    assert "path" not in made.to_json()
    jsonschema.Draft202012Validator(json_schema(ReputationExported)).validate(made.to_json())


def test_the_help_lists_what_there_is_in_the_words_of_each_verb() -> None:
    group = typer.main.get_command(app)
    for name, verb in VERBS.items():
        full = group.commands[name].help.splitlines()[0]  # type: ignore[attr-defined]
        assert full.startswith(verb.help.removesuffix(".")), name


def test_the_command_line_makes_no_call_of_a_contract() -> None:
    for path in CLI.glob("*.py"):
        source = path.read_text("utf-8")
        assert ".ledger." not in source, path.name
        nested = [
            node
            for outer in ast.walk(ast.parse(source))
            if isinstance(outer, ast.FunctionDef)
            for node in ast.walk(outer)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        lines = source.splitlines()
        assert all("noqa: PLC0415" in lines[node.lineno - 1] for node in nested), path.name


def test_plans_are_documented_alike() -> None:
    for owner, methods in ACTS.values():
        for method in methods:
            assert inspect.getdoc(getattr(owner, method)), method
