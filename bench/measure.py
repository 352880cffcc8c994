"""Two things measured in turn, and their ratio."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

ROUNDS = 5


@dataclass(frozen=True)
class Goal:
    """What a ratio is to reach: at least, or at most, ``bound``."""

    sense: Literal["≥", "≤"]
    bound: float

    def is_met_by(self, ratio: float) -> bool:
        """Whether it is reached."""
        return ratio >= self.bound if self.sense == "≥" else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.sense} {self.bound:.2f}"


@dataclass(frozen=True)
class Row:
    """A line of the table. Figures are medians over the rounds; ``spread`` is of the rounds' own ratios."""

    what: str
    against: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    spread: tuple[float, float]
    goal: Goal | None
    remark: str = ""

    def __str__(self) -> str:
        low, high = self.spread
        met = "" if self.goal is None else "yes" if self.goal.is_met_by(self.ratio) else "**no**"
        return (
            f"| {self.what} | {_figure(self.ours)} {self.unit} | {self.against} | "
            f"{_figure(self.theirs)} {self.unit} | **{self.ratio:.2f}** ({low:.2f} to {high:.2f}) | "
            f"{self.goal or ''} | {met} | {self.remark} |"
        )


HEADER = "| what | ours | against | theirs | ratio (of rounds) | goal | met | |\n" + "|---" * 8 + "|"


def compare(
    what: str,
    ours: Callable[[], float],
    against: str,
    theirs: Callable[[], float],
    *,
    unit: str,
    goal: Goal | None = None,
    rounds: int = ROUNDS,
    remark: Callable[[], str] = str,
) -> Row:
    """Measure the two in turn, so that whatever else the machine does falls on both."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [mine / other for mine, other in pairs]
    mine = statistics.median(pair[0] for pair in pairs)
    other = statistics.median(pair[1] for pair in pairs)
    return Row(what, against, unit, mine, other, mine / other, (min(ratios), max(ratios)), goal, remark())


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"
