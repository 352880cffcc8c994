"""The few BSON types, and a talk with a real mongod."""

import pytest
from bson import BSON, Binary, Int64, ObjectId, Timestamp

from stack import mongo_wire

DOCUMENT = {"text": "tü", "yes": True, "small": -7, "large": 2**40, "half": 0.5, "list": [1, {"a": []}]}


def test_documents_are_encoded_as_the_driver_does():
    assert mongo_wire.encode(DOCUMENT) == BSON.encode(DOCUMENT)


def test_documents_of_the_driver_are_decoded():
    assert mongo_wire.decode(BSON.encode(DOCUMENT)) == DOCUMENT


def test_the_other_types_of_an_answer_become_bytes_and_numbers():
    identity = ObjectId()
    answer = {"id": identity, "bytes": Binary(b"ab"), "time": Timestamp(1, 2), "n": Int64(3), "none": None}
    decoded = mongo_wire.decode(BSON.encode(answer))
    assert decoded == {"id": identity.binary, "bytes": b"ab", "time": (1 << 32) + 2, "n": 3, "none": None}


def test_a_type_that_is_not_known_is_refused():
    with pytest.raises(mongo_wire.WireError, match="cannot encode bytes"):
        mongo_wire.encode({"raw": b""})


def test_a_refused_command_raises_its_code(running):
    with (
        mongo_wire.Connection(running.ports["mongod"]) as mongod,
        pytest.raises(mongo_wire.CommandError, match="CommandNotFound") as refused,
    ):
        mongod.command({"noSuchCommand": 1})
    assert refused.value.code == 59
