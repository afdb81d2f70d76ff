"""Seals of planted updates."""

from dataclasses import replace

import pytest

from chain.errors import BadCommitment
from chain.ledger.commitments import RoundKey
from karat.protocol.plants import Plant, opens, seal

KEY = RoundKey(31337, "0x" + "11" * 20, 4, 2)
PLANT = Plant("0x" + "22" * 20, b"\x05" * 32, 19_384, b"\x07" * 32)


def test_a_seal_opens_with_its_plant_alone() -> None:
    message = seal(KEY, PLANT)
    assert (len(message), message[0]) == (33, 3)
    assert opens(message, KEY, PLANT)
    others = [
        replace(PLANT, code=PLANT.code + 1),
        replace(PLANT, salt=b"\x08" * 32),
        replace(PLANT, commitment=b"\x06" * 32),
        replace(PLANT, trainer="0x" + "23" * 20),
    ]
    assert not any(opens(message, KEY, other) for other in others)
    assert not opens(message, replace(KEY, round=3), PLANT)
    assert not opens(message[1:], KEY, PLANT)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("code", 0, "0 is no code"),
        ("code", 1 << 15, "32768 is no code"),
        ("salt", b"short", "salt must be 32 bytes, not 5"),
        ("commitment", b"", "commitment must be 32 bytes, not 0"),
    ],
)
def test_what_cannot_be_a_plant_is_refused(field: str, value: object, words: str) -> None:
    with pytest.raises(BadCommitment, match=words):
        seal(KEY, replace(PLANT, **{field: value}))  # type: ignore[arg-type]
