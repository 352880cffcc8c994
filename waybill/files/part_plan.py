"""How a large file is split into parts. Pure: no I/O.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits".
"""

from dataclasses import dataclass

MIB = 1024**2

#: The most parts that S3 accepts.
MAX_PARTS = 10_000
#: The sizes that S3 accepts for a part that is not the last.
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024**3
#: Larger parts need fewer requests. Smaller parts lose less when a connection breaks.
DEFAULT_PART_BYTES = 16 * MIB


@dataclass(frozen=True, slots=True)
class PartPlan:
    """A file of ``size`` bytes in parts of ``part_size``, of which the last may be shorter."""

    size: int
    part_size: int

    @classmethod
    def of(cls, size: int, part_size: int | None = None) -> "PartPlan":
        """Plan parts of ``part_size`` bytes, or of more whole MiB if there would be over ``MAX_PARTS``."""
        requested = part_size or DEFAULT_PART_BYTES
        if -(-size // requested) <= MAX_PARTS:
            return cls(size, requested)
        least = -(-size // MAX_PARTS)
        return cls(size, -(-least // MIB) * MIB)

    @property
    def part_count(self) -> int:
        """The number of parts. The first part has the number 1."""
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        """Return the size of a part in bytes."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)
