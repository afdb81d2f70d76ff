"""The JSON API: its description, its answers, and how it refuses."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from karat.web.app import STATIC
from karat.web.endpoints import ENDPOINTS, PREFIX
from tests.web.networks import ACCOUNTS, Small, evidence, small, specification
from tests.web.serving import api, served, wait_for

TRAINER = ACCOUNTS[4].address


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(tmp_path_factory.mktemp("network")) as built:
        built.create(specification("api"))
        built.submit(1)
        codes = [20_000, 18_000, 4, 1]
        entries = [{"index": i, "code": code, "findings": []} for i, code in enumerate(codes)]
        built.score(1, codes, [built.keep(evidence(entries))] * 3)
        yield built


@pytest.fixture(scope="module")
def url(network: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    store = f"local:{network.store.path}"  # type: ignore[attr-defined]
    with served(network.sdk(store), store, folder) as found:
        wait_for(lambda: not api(found, "/tasks/1/participants")["computing"], "reputations", 60)
        yield found


@pytest.fixture(scope="module")
def described(url: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{url}/api/openapi.json").json()
    return document


def filled(path: str) -> str:
    known = {"task": "1", "round": "1", "index": "0", "address": TRAINER}
    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)


def test_the_description_is_openapi(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert set(described["paths"]) == {endpoint.path for endpoint in ENDPOINTS}
    assert all(one["get"]["summary"] for one in described["paths"].values())


@pytest.mark.parametrize("path", [endpoint.path for endpoint in ENDPOINTS])
def test_answers_are_as_described(path: str, url: str, described: dict[str, Any]) -> None:
    operation = described["paths"][path]["get"]
    answer = httpx.get(url + PREFIX + filled(path), timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": described["components"]}
    Draft202012Validator(whole, format_checker=None).validate(answer.json())


def test_the_network_adds_up(url: str, network: Small) -> None:
    totals = api(url, "/totals")
    assert (totals["tasks"], totals["rounds"], totals["updates"]) == (1, 1, 4)
    assert totals["accounts"] == 1 + len(network.verifiers) + len(network.trainers)
    (amounts,) = totals["amounts"]
    members = api(url, "/tasks/1/participants")["items"]
    for name in ("staked", "earned", "slashed"):
        field = "stake" if name == "staked" else name
        assert int(amounts[name]) == sum(int(one[field]) for one in members)
    assert int(amounts["staked"]) > 0
    accounts = api(url, "/accounts")["items"]
    assert {one["address"] for one in accounts} == set(network.senders)
    found = api(url, f"/accounts?search={TRAINER[:12].lower()}")
    assert [(one["address"], one["trained"]) for one in found["items"]] == [(TRAINER, 1)]
    (membership,) = api(url, f"/accounts/{TRAINER}")["memberships"]
    assert (membership["role"], membership["task"], membership["name"]) == ("trainer", 1, "api")
    (sponsored,) = api(url, f"/accounts/{network.sponsor.address}")["memberships"]
    assert sponsored["role"] == "sponsor"
    unknown = httpx.get(f"{url}/api/v1/accounts/0x{'12' * 20}")
    assert (unknown.status_code, "takes no part in any task" in unknown.text) == (404, True)


def test_everything_says_where_it_is_on_the_chain(url: str, network: Small) -> None:
    web3 = network.devnet.web3
    update = api(url, "/tasks/1/rounds/1/updates")["items"][0]
    round_ = api(url, "/tasks/1/rounds/1")
    places = [
        update["committed"], update["revealed"], round_["opened"], round_["closed"],
        round_["decided"], round_["committee"][0]["voted"], api(url, "/tasks/1")["created"],
        *(one["place"] for one in api(url, "/activity?limit=100")["items"]),
    ]  # fmt: skip
    assert len(places) > 20
    for one in places:
        assert web3.eth.get_transaction_receipt(one["transaction"])["blockNumber"] == one["block"]
    last, *_, first = api(url, "/activity?limit=100")["items"]
    assert first["place"]["block"] < last["place"]["block"]
    assert last["time"] == web3.eth.get_block(last["place"]["block"])["timestamp"]
    record = api(url, f"/tasks/1/participants/{update['trainer']}")["records"][0]
    assert record["place"] == update["revealed"]


def test_gas_has_its_price(url: str, network: Small) -> None:
    gas = api(url, "/tasks/1/rounds/1/gas")
    commit = next(one for one in gas["steps"] if one["step"] == "commit")
    updates = api(url, "/tasks/1/rounds/1/updates")["items"]
    receipts = [
        network.devnet.web3.eth.get_transaction_receipt(one["committed"]["transaction"])
        for one in updates
    ]
    assert int(commit["cost"]) == sum(r["gasUsed"] * r["effectiveGasPrice"] for r in receipts) > 0
    assert int(gas["cost"]) == sum(int(one["cost"]) for one in gas["steps"])


def test_amounts_and_votes(url: str) -> None:
    updates = api(url, "/tasks/1/rounds/1/updates")["items"]
    assert [one["code"] for one in updates] == [20_000, 18_000, 4, 1]
    assert [one["verdict"] for one in updates] == ["ok", "ok", "stale", "harmful"]
    assert all(len(one["votes"]) == 3 for one in updates)
    weights = [(20_000 - 16_384) ** 2, (18_000 - 16_384) ** 2]
    expected = [100 * 10**18 * weight // sum(weights) for weight in weights]
    assert [int(one["reward"]) for one in updates] == [*expected, 0, 0]


def test_what_is_due_is_what_a_claim_credits(network: Small, url: str) -> None:
    trainer = network.trainers[1]
    [before] = [u for u in _updates(url) if u["trainer"] == trainer.address]
    assert not before["claimed"]
    network.everyone((trainer, network.ledger.claim(1, trainer.address, [1])))
    wait_for(lambda: _update_of(url, trainer.address)["claimed"], "the claim to be indexed")
    assert _update_of(url, trainer.address)["reward"] == before["reward"]
    assert network.ledger.member(1, trainer.address).balance == int(before["reward"])
    shown = api(url, f"/tasks/1/participants/{trainer.address}")
    assert shown["earned"] == before["reward"]


def test_stakes_are_the_ledgers(network: Small, url: str) -> None:
    slashed = network.trainers[3]
    network.everyone((slashed, network.ledger.claim(1, slashed.address, [1])))
    wait_for(lambda: _update_of(url, slashed.address)["claimed"], "the slash to be indexed")
    for shown in api(url, "/tasks/1/participants")["items"]:
        held = network.ledger.member(1, shown["address"])
        assert int(shown["stake"]) == held.stake
        assert (shown["state"] == "suspended") == held.suspended
        assert int(shown["unpaid"]) == held.balance


def _updates(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api(url, "/tasks/1/rounds/1/updates")["items"]
    return found


def _update_of(url: str, trainer: str) -> dict[str, Any]:
    return next(one for one in _updates(url) if one["trainer"] == trainer)


def test_reputation_over_all_tasks_and_narrowed_to_one(url: str) -> None:
    wait_for(lambda: not api(url, "/reputation")["computing"], "reputations", 60)
    every, one = api(url, "/reputation"), api(url, "/tasks/1/reputation")
    assert (every["task"], one["task"], every["sponsors"]) == (None, 1, [every["ego"]])
    assert api(url, "/reputation?task=1") == one
    scores = {node["address"]: node["score"] for node in every["nodes"]}
    assert scores == pytest.approx({node["address"]: node["score"] for node in one["nodes"]})
    assert sum(scores.values()) > 0
    best = every["nodes"][0]["address"]
    why = api(url, f"/reputation/{best}?ego={every['ego']}")
    assert why["explanation"]["score"] == pytest.approx(scores[best])
    assert why["proof"] is None
    assert api(url, f"/reputation/{best}?task=1") == api(url, f"/tasks/1/reputation/{best}")


def test_pages_of_a_list(url: str) -> None:
    whole = api(url, "/tasks/1/participants")
    part = api(url, "/tasks/1/participants?offset=2&limit=3")
    assert part["total"] == whole["total"] == 7
    assert part["items"] == whole["items"][2:5]
    assert api(url, "/tasks/1/participants?offset=99")["items"] == []


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/tasks/2", 404, "there is no task 2"),
        ("/tasks/1/rounds/2", 404, "has not been opened"),
        ("/tasks/1/rounds/1/updates/9", 404, "has no update 9"),
        (f"/tasks/1/participants/0x{'11' * 20}", 404, "takes no part"),
        (f"/tasks/1/reputation/0x{'11' * 20}", 404, "takes no part"),
        (f"/reputation/0x{'11' * 20}", 404, "takes no part"),
        (f"/reputation?ego=0x{'11' * 20}", 404, "sponsors no task"),
        (f"/reputation?task=1&ego=0x{'11' * 20}", 404, "a task or an ego"),
        ("/reputation?task=2", 404, "there is no task 2"),
        ("/reputation?ego=0xzz", 400, "ego:"),
        ("/tasks/0", 400, "task:"),
        ("/tasks/x", 400, "task:"),
        ("/tasks?limit=100000", 400, "limit:"),
        ("/tasks?offset=-1", 400, "offset:"),
        ("/tasks?nonsense=1", 400, "nonsense:"),
        ("/tasks/1?task=2", 400, "given twice"),
        ("/tasks/1/participants/0xzz", 400, "address:"),
        ("/tasks/1/participants?order=<script>", 400, "order:"),
        (f"/tasks/1/participants?search={'x' * 3000}", 400, "too long"),
        ("/nothing", 404, "openapi.json"),
        (f"/tasks/{10**30}", 400, "task:"),
    ],
)
def test_refusals(path: str, code: int, said: str, url: str) -> None:
    answer = httpx.get(url + PREFIX + path)
    assert answer.status_code == code
    assert said in answer.json()["error"]


def test_nothing_can_be_written(url: str) -> None:
    for path in ("/", "/api/v1/tasks", "/static/base.css"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert httpx.request(method, url + path).status_code == 405


def test_unchanged_answers_are_not_sent_again(url: str) -> None:
    first = httpx.get(url + PREFIX + "/tasks/1/rounds")
    tag = first.headers["etag"]
    again = httpx.get(url + PREFIX + "/tasks/1/rounds", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/status", "/static/js/main.js", "/nowhere", "/tasks/x"]
)
def test_headers(path: str, url: str) -> None:
    headers = httpx.get(url + path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in headers
    assert "server" not in headers or "uvicorn" in headers["server"]


@pytest.mark.parametrize(
    ("host", "code"),
    [("localhost", 200), ("127.0.0.1:99", 200), ("[::1]:80", 200), ("evil.example", 421),
     ("127.0.0.1.evil.example", 421), ("", 421)],
)  # fmt: skip
def test_other_names_are_refused(host: str, code: int, url: str) -> None:
    """A stranger's name that points here must not read the page (DNS rebinding)."""
    assert httpx.get(url + "/api/v1/status", headers={"Host": host}).status_code == code


def test_static_files_stay_in_their_folder(url: str) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/"):
        assert httpx.get(url + path).status_code in {404, 405}


def test_vendored_files_are_what_they_should_be() -> None:
    for entry in json.loads((STATIC / "vendor/vendored.json").read_text("utf-8")):
        data = (STATIC / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert (STATIC / "vendor" / entry["licence"]).is_file()
    listed = {entry["file"] for entry in json.loads((STATIC / "vendor/vendored.json").read_text())}
    found = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in {".js", ".mjs"}}
    assert found == listed


def test_scripts_write_no_markup() -> None:
    """Strings of strangers reach the page as text nodes only."""
    for script in (STATIC / "js").rglob("*.js"):
        text = script.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, script
