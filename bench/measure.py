"""Two things measured in turn, and their ratio."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Goal:
    """What is to be reached, and whether two medians, ours and theirs, reach it."""

    text: str
    is_met_by: Callable[[float, float], bool]


def at_least(ratio: float) -> Goal:
    """So much of theirs or more."""
    return Goal(f"≥ {ratio:.2f}", lambda ours, theirs: ours >= ratio * theirs)


def at_most(ratio: float) -> Goal:
    """So much of theirs or less."""
    return Goal(f"≤ {ratio:.2f}", lambda ours, theirs: ours <= ratio * theirs)


def at_most_more(difference: float, unit: str) -> Goal:
    """So much beyond theirs or less."""
    return Goal(f"≤ {difference} {unit} more", lambda ours, theirs: ours - theirs <= difference)


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
        met = "" if self.goal is None else "yes" if self.goal.is_met_by(self.ours, self.theirs) else "**no**"
        return (
            f"| {self.what} | {_figure(self.ours)} {self.unit} | {self.against} | "
            f"{_figure(self.theirs)} {self.unit} | **{self.ratio:.2f}** ({low:.2f} to {high:.2f}) | "
            f"{self.goal.text if self.goal else ''} | {met} | {self.remark} |"
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
    """Measure the two in turns, so that other load of the machine affects both."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [mine / other for mine, other in pairs]
    mine = statistics.median(pair[0] for pair in pairs)
    other = statistics.median(pair[1] for pair in pairs)
    return Row(what, against, unit, mine, other, mine / other, (min(ratios), max(ratios)), goal, remark())


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"
