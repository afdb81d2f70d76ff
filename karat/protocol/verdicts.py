"""Settled codes in words."""

from learning.score_codes import LOWEST_SCORE, Verdict


def verdict_name(code: int) -> str:
    """``ok`` for a score, else the verdict's name; ``void`` for 0, where nothing was settled."""
    if code >= LOWEST_SCORE:
        return "ok"
    return Verdict(code).name.lower() if code else "void"
