"""Which numbers and names of parts a request may have."""

import json

import pytest
from pydantic import ValidationError

from waybill.files.parts import PartsRequest

SHA256 = "a" * 64


def test_a_number_may_be_written_with_a_fraction_of_zero() -> None:
    assert PartsRequest.model_validate_json('{"partNumbers": [1.0, 2373.0]}').part_numbers == [1, 2373]


@pytest.mark.parametrize("number", ["1.5", "0", "10001", '"1"', "true", "1e400", "null"])
def test_other_numbers_are_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        PartsRequest.model_validate_json(f'{{"partNumbers": [{number}]}}')


@pytest.mark.parametrize(
    ("key", "good"),
    [("1", True), ("10000", True)]
    + [(key, False) for key in ("0", "01", "1.0", "2373.0", "+1", " 1", "1\n", "10001", "x", "")],
)
def test_a_checksum_is_of_the_plain_number_of_a_part(key: str, good: bool) -> None:
    body = json.dumps({"partNumbers": [1], "sha256": {key: SHA256}})
    if good:
        assert PartsRequest.model_validate_json(body).sha256 == {int(key): SHA256}
    else:
        with pytest.raises(ValidationError):
            PartsRequest.model_validate_json(body)
