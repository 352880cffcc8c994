"""The error codes: statuses from the API, meanings from docs/reference/errors.md, operations from OpenAPI."""

from collections import defaultdict

from api.errors import STATUS
from docs.generators.markdown import StaleError, anchor, code, table, table_rows
from docs.generators.rest import codes_by_operation


def render() -> str:
    """Every code, with a place to link to.

    Raises:
        StaleError: the page does not explain a code, or has another status.
    """
    meanings = _meanings()
    if meanings.keys() != STATUS.keys():
        raise StaleError(
            "the codes of docs/reference/errors.md and api/errors.py differ: "
            f"{sorted(meanings.keys() ^ STATUS.keys())}"
        )
    operations: dict[str, list[str]] = defaultdict(list)
    for operation, codes in codes_by_operation().items():
        for each in codes:
            operations[each].append(operation)
    every = set(codes_by_operation())
    rows = []
    for name, status in STATUS.items():
        written, meaning = meanings[name]
        if written != str(status.value):
            raise StaleError(
                f"docs/reference/errors.md says {written} of {name}, api/errors.py {status.value}"
            )
        answering = operations[name]
        of = (
            "all"
            if every <= set(answering)
            else ", ".join(f"[{each}](rest.md#{anchor(each)})" for each in answering)
        )
        rows.append((f'<span id="{name}"></span>{code(name)}', str(status.value), meaning, of))
    return table(("code", "status", "meaning", "REST operations"), rows)


def _meanings() -> dict[str, tuple[str, str]]:
    """Status and meaning of each code; a row of the page may be of several."""
    meanings = {}
    for codes, statuses, meaning in table_rows("errors"):
        names = [each.strip("`") for each in codes.split(", ")]
        of_each = statuses.split(", ")
        for name, status in zip(names, of_each, strict=True):
            meanings[name] = (status, meaning)
    return meanings
