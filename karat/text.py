"""Strings of strangers, made fit to be seen: short, and without characters that act on others."""

import unicodedata

LONGEST = 240
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MOST_MARKS = 4  # combining marks in a row; more would paint over the lines around


def clean(text: object, limit: int = LONGEST) -> str:
    """``text`` in one line of at most ``limit`` characters.

    Control and formatting characters, such as those that turn the writing direction, are written
    as their code points.
    """
    shown: list[str] = []
    marks = 0
    whole = str(text)
    for character in whole[:limit]:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if kind in _INVISIBLE:
            shown.append(f"\\u{ord(character):04x}")
        elif marks <= _MOST_MARKS:
            shown.append(" " if kind == "Zs" else character)
    return "".join(shown) + ("…" if len(whole) > limit else "")
