"""How many attempts a process makes at once for one receiver: a slow one would take all of its threads."""

from collections import Counter

#: Attempts at once.
ABREAST = 4

#: Seconds from which on an answer is slow: its receiver then gets one attempt at a time.
SLOW = 3


class Turns:
    """What is under way, and who was slow, by receiver."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._slow: set[str] = set()

    def take(self, receiver: str) -> bool:
        """Take a turn, if there is one. Whoever takes one must give it back."""
        if self._taken[receiver] >= (1 if receiver in self._slow else ABREAST):
            return False
        self._taken[receiver] += 1
        return True

    def note(self, receiver: str, took: float) -> None:
        """Note how many seconds an answer took."""
        if took >= SLOW:
            self._slow.add(receiver)
        else:
            self._slow.discard(receiver)

    def give_back(self, receiver: str) -> None:
        """Give a turn back."""
        self._taken[receiver] -= 1
        if not self._taken[receiver]:
            del self._taken[receiver]
