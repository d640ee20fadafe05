"""Requests and answers below the wires: connections that are kept, proxies, TLS, encodings."""

import gzip
import select
import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException

import pytest
import trustme

from asstctl.wire import http
from asstctl.wire.refusals import reason
from tests.servers import ChatServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Canned:
    """A server that answers the next request with the next bytes; `None` ends the connection."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.ended = threading.Semaphore(0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while self.answers:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with suppress(OSError), connection, connection.makefile("rb") as asked:
                while self.answers and asked.readline():
                    while asked.readline().strip():
                        pass
                    if (answer := self.answers.pop(0)) is None:
                        break
                    connection.sendall(answer)
                    if self.answers[:1] == [None]:
                        self.answers.pop(0)
                        break
            self.ended.release()


@contextmanager
def spoken_to(*answers):
    canned = Canned(*answers)
    with canned, closing(http.Server(f"http://127.0.0.1:{canned.port}/v1")) as server:
        yield canned, server


def read(server) -> bytes:
    answer = server.begin("GET", "/", {}, b"", 5.0).answer()
    try:
        return answer.read()
    finally:
        answer.close()


def whole(body: bytes, *lines: bytes) -> bytes:
    return (
        HEAD
        + b"".join(line + b"\r\n" for line in lines)
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


def test_a_connection_is_kept_for_the_next_request():
    with spoken_to(whole(b"1"), whole(b"2"), whole(b"3")) as (canned, server):
        assert [read(server) for _ in range(3)] == [b"1", b"2", b"3"]
        assert canned.connections == 1


def test_a_connection_that_the_server_ended_meanwhile_is_made_anew():
    with spoken_to(whole(b"1"), None, whole(b"2")) as (canned, server):
        assert read(server) == b"1"
        assert canned.ended.acquire(timeout=5)
        assert read(server) == b"2"
        assert canned.connections == 2


def test_an_answer_that_is_left_takes_its_connection_with_it():
    with spoken_to(whole(b"x" * 100_000), whole(b"2")) as (canned, server):
        answer = server.begin("GET", "/", {}, b"", 5.0).answer()
        next(answer.pieces())
        answer.close()
        assert read(server) == b"2"
        assert canned.connections == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\nshort", "it ended early"),
        (
            HEAD
            + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
            + b"x: y\r\n" * 200
            + b"\r\n",
            "its trailers do not end",
        ),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nsho", "it ended early"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "it ended early"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n", "it ended early"),
        (whole(b"no gzip", b"Content-Encoding: gzip"), "it is not gzip"),
        (whole(b"x", b"Content-Encoding: br"), "it is encoded as br"),
    ],
)
def test_an_answer_that_is_not_whole_is_never_taken_for_one(answer, words):
    with spoken_to(answer, None) as (_, server), pytest.raises(HTTPException, match=words):
        read(server)


def test_gzip_is_read_however_it_is_cut():
    packed = gzip.compress(b"words " * 1000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in packed)
    answer = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with spoken_to(answer + b"0\r\n\r\n") as (_, server):
        assert read(server) == b"words " * 1000


def test_a_server_that_refuses_before_it_read_the_prompt_is_heard():
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    with (
        spoken_to(refusal, None) as (_, server),
        closing(server.begin("POST", "/", {}, b"x" * 20_000_000, 5.0).answer()) as answer,
    ):
        assert answer.status == 413


def test_two_requests_at_once_take_two_connections():
    with spoken_to(whole(b"1"), None, whole(b"2"), None) as (canned, server):
        with (
            closing(server.begin("GET", "/", {}, b"", 5.0).answer()) as first,
            closing(server.begin("GET", "/", {}, b"", 5.0).answer()) as second,
        ):
            assert (first.read(), second.read()) == (b"1", b"2")
        assert canned.connections == 2


# Through the program


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(authority):
    """A chat server behind TLS, as `example.invalid` and as `localhost`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("example.invalid", "localhost").configure_cert(context)
    server = ChatServer()
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    with server:
        yield server


def test_a_certificate_is_checked_against_what_the_user_trusts(home, secure, authority):
    home.configure(
        f'backend = "local"\nmodel = "m"\nendpoint = "https://localhost:{secure.port}/v1"\n'
    )
    err = home.run("ask", "Hello", code=7)[1]
    assert "can't connect to localhost" in err
    assert "certificate verify failed" in err
    trusted = home.path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    assert home.run("ask", "Hello", SSL_CERT_FILE=str(trusted))[0] == "You said: Hello (1)\n"


def test_a_certificate_of_another_host_is_refused(home, secure, authority):
    home.configure(
        f'backend = "local"\nmodel = "m"\nendpoint = "https://127.0.0.1:{secure.port}/v1"\n'
    )
    trusted = home.path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    err = home.run("ask", "Hello", code=7, SSL_CERT_FILE=str(trusted))[1]
    assert "certificate verify failed" in err
    assert secure.requests == []


def test_http_goes_through_the_environments_proxy_and_signs_in_there(home, server):
    home.configure('backend = "local"\nmodel = "m"\nendpoint = "http://example.invalid/v1"\n')
    proxy = f"http://me:p%40ss@127.0.0.1:{server.port}"
    assert home.run("ask", "Hello", http_proxy=proxy)[0] == "You said: Hello (1)\n"
    (asked,) = server.requests
    assert asked.path == "http://example.invalid/v1/chat/completions"
    assert asked.headers["host"] == "example.invalid"
    assert asked.headers["proxy-authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss


def test_a_proxy_that_is_not_there_is_named(home):
    home.configure('backend = "local"\nmodel = "m"\nendpoint = "https://example.invalid/v1"\n')
    err = home.run("ask", "Hello", code=7, https_proxy="http://me:canary@127.0.0.1:9")[1]
    assert "can't connect to example.invalid through the proxy 127.0.0.1: " in err
    assert "canary" not in err


def test_no_proxy_names_the_hosts_that_take_none(home, server):
    home.configure('backend = "local"\nmodel = "m"\nendpoint = "http://example.invalid/v1"\n')
    proxy = f"http://127.0.0.1:{server.port}"
    err = home.run("ask", "Hello", code=7, http_proxy=proxy, no_proxy="example.invalid")[1]
    assert "can't connect to example.invalid" in err
    assert server.requests == []


def test_https_goes_through_a_tunnel_that_sees_no_word_of_it(home, secure, authority):
    home.configure('backend = "local"\nmodel = "m"\nendpoint = "https://example.invalid/v1"\n')
    trusted = home.path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with Tunnel(secure.port) as tunnel:
        out = home.run(
            "ask",
            "Hello",
            https_proxy=f"me:pass@127.0.0.1:{tunnel.port}",
            SSL_CERT_FILE=str(trusted),
        )[0]
    assert out == "You said: Hello (1)\n"
    assert tunnel.head.startswith(b"CONNECT example.invalid:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in tunnel.head
    assert b"Hello" not in tunnel.seen


class Tunnel:
    """A proxy that carries one connection to a port of this machine, wherever it should go."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.head = self.seen = b""

    def __enter__(self):
        threading.Thread(target=self._carry, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _carry(self) -> None:
        here, _ = self._listening.accept()
        with here, socket.create_connection(("127.0.0.1", self._to)) as there:
            while not self.head.endswith(b"\r\n\r\n"):
                self.head += here.recv(1)
            here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            other = {here: there, there: here}
            while True:
                for ready in select.select([here, there], [], [])[0]:
                    if not (data := ready.recv(65536)):
                        return
                    self.seen += data
                    other[ready].sendall(data)


def test_the_innermost_words_of_errors_that_cause_each_other_are_found():
    outer, inner = ValueError("Outer."), ValueError("Inner.")
    outer.__cause__, inner.__cause__ = inner, outer
    assert reason(outer) == "inner"
