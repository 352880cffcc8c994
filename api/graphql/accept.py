"""Choose the media type of a response (RFC 9110, 12.5.1)."""

from collections.abc import Iterator, Sequence


def best_of(accept: str, offers: Sequence[str]) -> str | None:
    """Return the offer that the Accept header prefers, or None if it accepts none.

    Between equal weights, a type that the header names wins over one that only a wildcard matches, and then
    the first of ``offers`` wins. An empty header accepts everything.
    """
    ranges = list(_ranges(accept)) or [("*/*", 1.0)]
    best: tuple[tuple[float, bool], str] | None = None
    for offer in offers:
        family = f"{offer.partition('/')[0]}/*"
        # The most specific range that matches the offer decides, also if its weight is zero.
        for candidate in (offer, family, "*/*"):
            weights = [weight for media_range, weight in ranges if media_range == candidate]
            if weights:
                rank = (max(weights), candidate == offer)
                if rank[0] > 0 and (best is None or rank > best[0]):
                    best = (rank, offer)
                break
    return best[1] if best else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        if not media_range:
            continue
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        yield media_range, weight
