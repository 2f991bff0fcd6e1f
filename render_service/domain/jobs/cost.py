"""What providers charge."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in a currency (`unit` is its ISO 4217 code) or in a provider's own credits (`runway-credits`)."""

    unit: str
    amount: Decimal


def total(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    """Return the sum of each unit, in the order of the units' names."""
    sums: dict[str, Decimal] = {}
    for cost in costs:
        sums[cost.unit] = sums.get(cost.unit, Decimal(0)) + cost.amount
    return tuple(Cost(unit, sums[unit]) for unit in sorted(sums))


def plain(amount: Decimal) -> str:
    """Return an amount as decimal text without an exponent and without trailing zeros, such as `0.45`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
