"""The work of measuring a document."""

import pytest
from graphql import OperationDefinitionNode, parse

from api.graphql.limits import _Measure, limit_errors


def _doubling(fragments: int) -> str:
    texts = [f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1} __typename}}" for n in range(fragments)]
    return "{...F0}" + "".join(texts) + f"fragment F{fragments} on Query{{__typename}}"


@pytest.mark.parametrize("fragments", [1, 20, 70])
def test_each_selection_is_visited_once(fragments: int) -> None:
    document = parse(_doubling(fragments))
    measure = _Measure(document)
    [query, *_] = document.definitions
    assert isinstance(query, OperationDefinitionNode)
    size = measure.of(query.selection_set)
    assert size.fields == 2 ** (fragments + 1) - 1
    assert measure.visits == 3 * fragments + 2


def test_a_fragment_counts_as_often_as_it_is_spread() -> None:
    spreads = "{ ...f ...f }"
    document = parse(f"{spreads} fragment f on Query {{ {' '.join(f'a{n}: files' for n in range(16))} }}")
    assert [error.message for error in limit_errors(document)] == ["The operation has more than 30 aliases."]
