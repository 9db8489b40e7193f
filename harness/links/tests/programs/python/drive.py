"""Drives a proxy through toxiproxy-python: every call that the library has, and every type of toxic.

Arguments: the port of the admin interface, and where proxies may listen. Ends with the number of checks that held.
"""

import socket
import sys
import threading
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

CHECKS = 0


def check(held, what):
    global CHECKS
    if not held:
        raise AssertionError(what)
    CHECKS += 1


def refused(error, call):
    try:
        call()
    except error:
        check(True, "refused")
    else:
        raise AssertionError("not refused with %s" % error.__name__)


def echo_server():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection):
        with connection:
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                connection.sendall(data)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def connect(proxy):
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=20)


def echoed(connection):
    """Seconds that a round trip over a connection takes."""
    begun = time.monotonic()
    connection.sendall(b"hello")
    check(connection.recv(5) == b"hello", "the echo")
    return time.monotonic() - begun


def round_trip(proxy):
    """Seconds that a round trip through the proxy takes."""
    with connect(proxy) as connection:
        return echoed(connection)


def proxies(server, upstream):
    check(b"2." in server.version(), "a version of Toxiproxy 2")
    proxy = server.create(upstream=upstream, name="one", listen=sys.argv[2])
    check(proxy.enabled and not proxy.listen.endswith(":0"), "it tells its real address")
    round_trip(proxy)
    refused(ProxyExists, lambda: server.create(upstream=upstream, name="one"))
    refused(NotFound, lambda: server_api().get("/proxies/none"))
    listed = server.proxies()
    check(list(listed) == ["one"] and listed["one"].upstream == upstream, "it is listed")
    populated = server.populate([
        {"name": "two", "upstream": upstream, "listen": sys.argv[2]},
        {"name": "three", "upstream": upstream, "listen": sys.argv[2], "enabled": False},
    ])
    check([proxy.name for proxy in populated] == ["two", "three"], "two more")
    check(server.get_proxy("three").enabled is False, "one of them disabled")
    check(server.get_proxy("none") is None, "no such proxy")
    server.reset()
    check(server.get_proxy("three").enabled is True, "enabled by the reset")
    check(server.destroy(server.get_proxy("three")), "destroyed")
    check(sorted(server.proxies()) == ["one", "two"], "it is gone")
    return proxy


def down(proxy):
    with connect(proxy) as live:
        # Until the proxy has taken it, it waits at the listener, and is reset with that.
        echoed(live)
        with proxy.down():
            refused(ConnectionRefusedError, lambda: connect(proxy))
            check(live.recv(1) == b"", "the live connection is closed")
    round_trip(proxy)
    proxy.disable()
    refused(ConnectionRefusedError, lambda: connect(proxy))
    proxy.enable()
    round_trip(proxy)


def toxics(server, proxy):
    attributes = {
        "latency": {"latency": 200, "jitter": 10},
        "bandwidth": {"rate": 100},
        "slow_close": {"delay": 100},
        "timeout": {"timeout": 0},
        "reset_peer": {"timeout": 0},
        "slicer": {"average_size": 10, "size_variation": 5, "delay": 10},
        "limit_data": {"bytes": 100},
        "cut_inside": {"pattern": "frame"},
        "half_open": {},
        "down": {},
        "noop": {},
    }
    for kind, given in attributes.items():
        for stream in ("upstream", "downstream"):
            proxy.add_toxic(type=kind, stream=stream, attributes=given, toxicity=0.5)
            toxic = proxy.get_toxic("%s_%s" % (kind, stream))
            check(toxic.type == kind and toxic.stream == stream and toxic.toxicity == 0.5, kind)
            check(all(toxic.attributes[name] == value for name, value in given.items()), kind)
    check(len(proxy.toxics()) == 2 * len(attributes), "all of them")
    refused(ProxyExists, lambda: proxy.add_toxic(type="latency", stream="upstream"))
    refused(InvalidToxic, lambda: proxy.add_toxic(type="none"))
    refused(InvalidToxic, lambda: proxy.add_toxic(type="latency", stream="sideways"))
    check(proxy.destroy_toxic("latency_upstream"), "destroyed")
    check(proxy.get_toxic("latency_upstream") is None, "it is gone")
    refused(NotFound, lambda: proxy.destroy_toxic("latency_upstream"))
    server.reset()
    check(proxy.toxics() == {}, "none after the reset")


def effects(server, proxy):
    proxy.add_toxic(name="late", type="latency", stream="downstream", attributes={"latency": 150})
    check(round_trip(proxy) >= 0.15, "latency")
    proxy.destroy_toxic("late")
    proxy.add_toxic(type="limit_data", attributes={"bytes": 3})
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        got = b""
        while len(got) < 3:
            got += connection.recv(5)
        check(got == b"hel" and connection.recv(1) == b"", "limit_data")
    server.reset()
    proxy.add_toxic(type="reset_peer")

    def reset():
        with connect(proxy) as connection:
            connection.recv(1)

    refused(ConnectionResetError, reset)
    server.reset()
    round_trip(proxy)


def server_api():
    from toxiproxy.api import APIConsumer

    return APIConsumer


def main():
    server = Toxiproxy()
    server.update_api_consumer("127.0.0.1", int(sys.argv[1]))
    check(server.running(), "it is there")
    proxy = proxies(server, echo_server())
    down(proxy)
    toxics(server, proxy)
    effects(server, proxy)
    server.destroy_all()
    check(server.proxies() == {}, "none left")
    print("checks that held: %d" % CHECKS)


main()
