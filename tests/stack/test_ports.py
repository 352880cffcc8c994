"""The choice of ports."""

import socket

from stack import ports


def test_the_ports_of_the_last_run_are_kept_where_they_are_free() -> None:
    first = ports.choose(["a", "b"], {})
    assert ports.choose(["a", "b"], first) == first


def test_a_port_that_somebody_holds_is_replaced() -> None:
    first = ports.choose(["a", "b"], {})
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, first["a"]))
        second = ports.choose(["a", "b"], first)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_a_port_is_promised_once() -> None:
    first = ports.choose(["a"], {})
    chosen = ports.choose(["b", "c"], {"b": first["a"], "c": first["a"]}, taken=first.values())
    assert len({*chosen.values(), *first.values()}) == 3
