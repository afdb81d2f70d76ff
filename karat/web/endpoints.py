"""The table of the API: what can be asked, and who answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from karat.web import parameters, schemas
from karat.web.views import network, participants, reputation, rounds, tasks

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Endpoint:
    """One question: ``answer`` gets the site and, if there are any, the checked parameters."""

    path: str
    answer: Callable[..., schemas.Answer]
    result: type[schemas.Answer]
    takes: type[parameters.Parameters] | None = None

    @property
    def summary(self) -> str:
        """What it tells, from the function's documentation."""
        return (self.answer.__doc__ or "").strip().partition("\n")[0]

    @property
    def name(self) -> str:
        """Its identifier in the OpenAPI document."""
        return self.answer.__name__.rstrip("_")

    def ask(self, site: Any, given: dict[str, str]) -> schemas.Answer:
        """Answer a request.

        Raises:
            pydantic.ValidationError: a parameter is wrong.
            NotAvailable: there is no such thing.
        """
        if self.takes is None:
            parameters.Parameters.model_validate(given)
            return self.answer(site)
        return self.answer(site, self.takes.model_validate(given))


_TASK, _ROUND = "/tasks/{task}", "/tasks/{task}/rounds/{round}"

ENDPOINTS = (
    Endpoint("/status", tasks.status, schemas.Status),
    Endpoint("/totals", network.totals, schemas.Totals),
    Endpoint("/activity", network.activity, schemas.Activity, parameters.Latest),
    Endpoint("/accounts", network.accounts, schemas.AccountList, parameters.AccountPage),
    Endpoint(
        "/accounts/{address}", network.account, schemas.AccountDetails, parameters.AccountPath
    ),
    Endpoint("/tasks", tasks.tasks, schemas.TaskList, parameters.Paged),
    Endpoint(_TASK, tasks.task, schemas.Task, parameters.TaskPath),
    Endpoint(f"{_TASK}/progress", tasks.progress, schemas.Progress, parameters.TaskPath),
    Endpoint(f"{_TASK}/rounds", tasks.rounds, schemas.RoundList, parameters.TaskPage),
    Endpoint(_ROUND, rounds.round_, schemas.Round, parameters.RoundPath),
    Endpoint(f"{_ROUND}/updates", rounds.updates, schemas.UpdateList, parameters.RoundPage),
    Endpoint(f"{_ROUND}/updates/{{index}}", rounds.update, schemas.Evidence, parameters.UpdatePath),
    Endpoint(f"{_ROUND}/gas", rounds.gas, schemas.Gas, parameters.RoundPath),
    Endpoint(
        f"{_TASK}/participants",
        participants.participants,
        schemas.ParticipantList,
        parameters.MemberPage,
    ),
    Endpoint(
        f"{_TASK}/participants/{{address}}",
        participants.participant,
        schemas.Member,
        parameters.MemberPath,
    ),
    Endpoint("/reputation", reputation.overall, schemas.Reputation, parameters.View),
    Endpoint(
        "/reputation/{address}",
        reputation.overall_standing,
        schemas.Standing,
        parameters.MemberView,
    ),
    Endpoint(f"{_TASK}/reputation", reputation.reputation, schemas.Reputation, parameters.TaskPath),
    Endpoint(
        f"{_TASK}/reputation/{{address}}",
        reputation.standing,
        schemas.Standing,
        parameters.MemberPath,
    ),
)
