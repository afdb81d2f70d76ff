"""Amounts of a task's token: base units on the chain, decimal numbers for people."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext

from chain.errors import ContractError, TransactionReverted
from chain.ledger.client import Token
from karat.errors import ConfigError


@dataclass(frozen=True)
class Money:
    """A token's unit; one token is 10**``decimals`` base units."""

    symbol: str
    decimals: int

    @classmethod
    def of(cls, token: Token) -> "Money":
        """The unit that a token contract states."""
        return cls(token.symbol(), token.decimals())

    @classmethod
    def told_by(cls, token: Token) -> "Money":
        """The unit that a token states, or base units: for words only, which stop nobody."""
        try:
            return cls.of(token)
        except (ContractError, TransactionReverted):
            return cls("base units", 0)

    def parse(self, text: str | int | Decimal) -> int:
        """Base units of a number of tokens.

        Raises:
            ConfigError: it is no number, is negative, or has more decimals than the token.
        """
        with localcontext(prec=80):
            try:
                units = Decimal(text).scaleb(self.decimals)
            except InvalidOperation as error:
                raise ConfigError(f"{text!r} is no amount of {self.symbol}") from error
            if not units.is_finite() or units < 0 or units != units.to_integral_value():
                raise ConfigError(
                    f"{text} is no amount of {self.symbol}: it must be zero or more, with at most "
                    f"{self.decimals} decimals"
                )
            return int(units)

    def show(self, units: int) -> str:
        """Base units as tokens, for instance ``12.5 KDEV``."""
        with localcontext(prec=80):
            number = Decimal(units).scaleb(-self.decimals).normalize()
            return f"{number:f} {self.symbol}"
