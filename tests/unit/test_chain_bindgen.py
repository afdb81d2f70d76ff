"""The generated bindings: up to date, documented, and made from what an ABI can hold."""

import ast
from pathlib import Path

import pytest

from chain.errors import TransactionReverted
from chain.evm.abi import abi_type
from chain.ledger.bindings import errors, ledger_events, structs
from tools import bindgen
from tools.solidity import Sources

PAIR = {
    "type": "tuple[]",
    "internalType": "struct Lib.Pair[]",
    "name": "pairs",
    "components": [
        {"type": "address", "internalType": "address", "name": "from"},
        {"type": "uint8", "internalType": "enum Phase", "name": "currentPhase"},
    ],
}
ABI = [
    {
        "type": "function",
        "name": "sendAll",
        "stateMutability": "nonpayable",
        "inputs": [PAIR],
        "outputs": [{"type": "uint256", "internalType": "uint256", "name": ""}],
    },
    {
        "type": "event",
        "name": "Sent",
        "inputs": [{**PAIR, "indexed": False}],
    },
    {"type": "error", "name": "NotThere", "inputs": []},
]


def test_the_committed_bindings_are_up_to_date() -> None:
    assert bindgen.main(["--check"]) == 0


def test_a_stale_file_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "chain"
    (root / "ledger").mkdir(parents=True)
    (root / "artifacts").symlink_to(bindgen.ROOT / "chain" / "artifacts")
    (tmp_path / "contracts").symlink_to(bindgen.ROOT / "contracts")
    monkeypatch.setattr(bindgen, "ROOT", tmp_path)
    assert bindgen.main([]) == 0
    assert bindgen.main(["--check"]) == 0
    written = sorted(path.name for path in (root / "ledger" / "bindings").iterdir())
    assert written == sorted(path.name for path in Path(str(structs.__file__)).parent.glob("*.py"))
    (root / "ledger" / "bindings" / "errors.py").write_text("")
    assert bindgen.main(["--check"]) == 1
    assert "errors.py" in capsys.readouterr().err
    assert bindgen.main([]) == 0
    codes = tmp_path / "learning" / "score_codes.py"
    codes.write_text(codes.read_text().replace("HARMFUL = 1", "HARMFUL = 2"))
    assert bindgen.main(["--check"]) == 1
    assert "learning/score_codes.py" in capsys.readouterr().err


def test_structs_enums_arrays_and_keywords_are_generated() -> None:
    files = bindgen.Generator({"Box": ABI}, [], {"sendAll": "Sends them all."}).files()
    for text in files.values():
        ast.parse(text)
    assert '("from_", "current_phase")' in files["structs.py"]
    assert "current_phase: Phase" in files["structs.py"]
    assert "def send_all(self, pairs: Sequence[Pair]) -> Call[int]:" in files["box.py"]
    assert '"""Sends them all."""' in files["box.py"]
    assert "pairs: tuple[Pair, ...]" in files["box_events.py"]
    assert "'Not there'" in files["errors.py"]
    assert bindgen.canonical(ABI[0]) == "sendAll((address,uint8)[])"


@pytest.mark.parametrize("kind", ["function", "fixed128x18", "uint256[3]"])
def test_types_without_a_binding_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="no binding"):
        bindgen.value_of({"type": kind, "name": "x"}, 0)


def test_overloads_are_refused() -> None:
    twice = [ABI[0], {**ABI[0], "inputs": []}]
    with pytest.raises(ValueError, match="Box overloads sendAll"):
        bindgen.Generator({"Box": twice}, [], {}).files()


SOURCE = """
library Limits {
    uint256 private constant YEAR = 365 days; // constant uint256 NOT_THIS = 1;
    uint16 internal constant MOST = type(uint16).max;
    uint256 constant SPREAD = (YEAR - 1) / 2 + Bits.LANE ** 2;
    bytes32 private constant NAME = keccak256("a name");
}
contract Bits {
    /* uint8 constant NOR_THIS = 1; */
    uint256 internal constant LANE = 1 << 4;
    uint256 internal constant MASK = 0xffffffffffffffffffff;
    enum Light { Red /* stop */, YellowGreen }
}
"""


def test_constants_and_enums_are_read_from_the_source(tmp_path: Path) -> None:
    path = tmp_path / "Source.sol"
    path.write_text(SOURCE)
    read = Sources.read([path])
    year = 365 * 86400
    assert read.enums == {"Light": ("Red", "YellowGreen")}
    assert read.small_constants() == {
        "Bits": {"LANE": 16},
        "Limits": {"YEAR": year, "MOST": 65535, "SPREAD": (year - 1) // 2 + 256},
    }
    path.write_text(SOURCE.replace("1 << 4", "lanes(4)"))
    with pytest.raises(ValueError, match=r"Bits\.LANE = lanes\(4\)"):
        Sources.read([path])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("taskId", "task_id"),
        ("LEDGER", "ledger"),
        ("from", "from_"),
        ("eip712Domain", "eip712_domain"),
        ("_mint", "mint"),
    ],
)
def test_names_become_pythons(name: str, expected: str) -> None:
    assert bindgen.snake_case(name) == expected


def test_every_error_of_the_contracts_has_a_sentence_and_typed_fields() -> None:
    assert len(errors.ERRORS) > 40
    for error in errors.ERRORS.values():
        assert issubclass(error, TransactionReverted)
        assert set(error.NAMES) <= set(error.__annotations__)
        assert error.SENTENCE[0].isupper()


def test_an_error_says_its_values_in_words() -> None:
    refused = errors.BadParameter(["committeeSize", 0], operation="create_task")
    assert str(refused) == (
        "create_task was refused: The parameter committeeSize is out of range (value = 0)"
    )
    assert (refused.error, refused.arguments) == (
        "BadParameter",
        {"name": "committeeSize", "value": 0},
    )
    assert refused.value == 0


def test_shapes_give_canonical_types() -> None:
    shape = structs.VerifierGrant
    assert abi_type([shape]) == "(address,uint16)[]"
    assert len(ledger_events.EVENTS) > 20
