"""How a large file is cut into parts. Pure.

Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits".
"""

from dataclasses import dataclass

MIB = 1024**2

#: The most that S3 takes.
MAX_PARTS = 10_000
#: Bytes. What S3 takes as a part that is not the last.
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024**3
#: Larger parts are fewer requests, smaller ones less to send again.
DEFAULT_PART_BYTES = 16 * MIB


@dataclass(frozen=True, slots=True)
class PartPlan:
    """A file of ``size`` bytes in parts of ``part_size``, of which the last may be shorter."""

    size: int
    part_size: int

    @classmethod
    def of(cls, size: int, part_size: int | None = None) -> "PartPlan":
        """Plan parts of ``part_size`` bytes, or of the fewest whole MiB of which ``MAX_PARTS`` are enough."""
        wished = part_size or DEFAULT_PART_BYTES
        if -(-size // wished) <= MAX_PARTS:
            return cls(size, wished)
        least = -(-size // MAX_PARTS)
        return cls(size, -(-least // MIB) * MIB)

    @property
    def part_count(self) -> int:
        """How many parts there are; they are numbered from 1."""
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        """How many bytes a part has."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)
