"""A request is sent again by one table: which, after what, how often, for how long, and visibly."""

import time

import pytest

from asstctl.errors import (
    AsstctlError,
    AuthError,
    IncompleteError,
    LockedError,
    NotFoundError,
    UnansweredError,
    UnavailableError,
    UnconnectedError,
)
from asstctl.events import Retry
from asstctl.wire.patience import ATTEMPTS, Patience, Purpose
from tests.servers import Reply, error

BUSY = Reply(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after": "0.1"})
GONE = Reply(gone=True)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def of(status, retry_after=None, words="busy"):
    found = UnavailableError(words, status=status)
    found.retry_after = retry_after
    return found


REACHABLE = UnconnectedError("no way", hint="", permanent=False)
NOWHERE = UnconnectedError("no such host", hint="", permanent=True)
SAFE = {Purpose.READ, Purpose.DELETE, Purpose.CANCEL}

TABLE = [
    (of(429), SAFE | {Purpose.POST}),
    (of(503), SAFE | {Purpose.POST}),
    (LockedError("in use"), SAFE | {Purpose.POST}),
    (of(500), SAFE),
    (of(502), SAFE),
    (of(504), SAFE),
    (of(408), SAFE),
    (UnansweredError("no answer"), SAFE),
    (IncompleteError("it broke"), SAFE),
    (REACHABLE, SAFE),
    (NOWHERE, set()),
    (of(429, words="You exceeded your quota"), set()),
    (NotFoundError("none", status=404), set()),
    (AuthError("who?", status=401), set()),
    (AsstctlError("no", status=400), set()),
]


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("wrong", "repeated"), TABLE, ids=[str(e) + str(e.status) for e, _ in TABLE]
)
def test_the_table_says_what_is_sent_again(wrong, repeated, purpose):
    clock = Clock()
    patience = Patience(purpose, 60, clock=clock, sleep=clock.sleep)
    if purpose in repeated:
        [event] = list(patience.rest(wrong))
        assert isinstance(event, Retry)
        assert "trying again in 0.5 s" in event.text
    else:
        with pytest.raises(type(wrong)):
            list(patience.rest(wrong))


def attempts(purpose, wrong, timeout, **facts):
    """How often a request is sent that always goes wrong alike, and how long it takes."""
    clock = Clock()
    patience = Patience(purpose, timeout, clock=clock, sleep=clock.sleep, **facts)
    sent = 1
    try:
        while sent < 1000:
            list(patience.rest(wrong))
            sent += 1
    except AsstctlError:
        pass
    return sent, clock.now


def test_a_request_is_sent_three_times_at_most():
    assert attempts(Purpose.READ, of(500), 60) == (ATTEMPTS, 1.5)
    assert attempts(Purpose.POST, of(503, 2.0), 60) == (ATTEMPTS, 4.0)


def test_no_pause_goes_beyond_the_timeout():
    assert attempts(Purpose.READ, of(429, 59.9), 60) == (2, 59.9)
    assert attempts(Purpose.READ, of(429, 61.0), 60) == (1, 0.0)
    sent, waited = attempts(Purpose.POST, LockedError("in use"), 60)
    assert sent > ATTEMPTS
    assert 50 < waited <= 60


def test_a_post_that_was_taken_is_never_sent_again():
    assert attempts(Purpose.POST, of(503), 60, taken=lambda: True) == (1, 0.0)


# Through the program


@pytest.fixture
def talked(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    home.run("ask", "-c", "Again")  # from now on the server is known to take one request
    return home


def first(fault):
    """Answer the first request wrongly, and no other."""
    left = [fault]
    return lambda _: left.pop() if left else None


READING = {
    "history": ["threads", "history", "@last"],
    "show": ["threads", "show", "@last"],
    "export": ["threads", "export", "@last", "-d", "out"],
    "assistants": ["assistants", "list"],
    "copy": ["threads", "copy", "@last", "--to", "local"],
    "recover": ["threads", "recover", "@last"],
    "unlock": ["threads", "unlock", "@last"],
    "delete": ["threads", "delete", "-y", "@last"],
}


@pytest.mark.parametrize("fault", [BUSY, error(500, "Oh no"), error(503, "busy"), GONE])
@pytest.mark.parametrize("words", READING.values(), ids=READING)
def test_one_fault_ends_no_command_that_reads_or_deletes(talked, threads, words, fault):
    threads.before = first(fault)
    err = talked.run(*words)[1]
    assert err.count("; trying again in ") == 1


def test_a_look_that_a_first_follow_up_needs_is_patient_too(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    threads.before = first(BUSY)
    out, err = home.run("ask", "-c", "Again")
    assert out == "You said: Again (3)\n"
    assert err == "asstctl: slow down (HTTP 429), request req_test; trying again in 0.1 s\n"


def test_a_delete_whose_answer_was_lost_is_done(talked, threads):
    def after(request, reply):
        return GONE if request.method == "DELETE" and reply.status == 200 else reply

    threads.after = after
    err = talked.run("threads", "delete", "-y", "@last")[1]
    assert err.splitlines()[-1] == "asstctl: deleted thread_1"
    assert threads.threads == {}
    assert [r.method for r in threads.requests].count("DELETE") == 2


def test_a_thread_that_is_gone_is_not_deleted_twice(talked, threads):
    threads.threads.clear()
    err = talked.run("threads", "delete", "-y", "@last", code=5)[1]
    assert "hint: is it gone there?" in err


def test_a_cancel_whose_answer_was_lost_is_done(talked, threads):
    run = threads.runs["thread_1"][0]
    run |= {"status": "in_progress", "will_complete": False}

    def after(request, reply):
        return (
            GONE
            if request.path.partition("?")[0].endswith("/cancel") and reply.status == 200
            else reply
        )

    threads.after = after
    err = talked.run("threads", "unlock", "@last")[1]
    assert err.splitlines()[-1] == f"asstctl: {run['id']} is cancelled"


def test_pages_asked_for_ahead_are_repeated_by_the_same_table(home, threads):
    home.use_threads(threads)
    home.run("threads", "new")
    for number in range(250):
        threads.say("thread_1", "user", str(number))
    broken = [0]

    def before(request):
        broken[0] += 1
        return error(500, "Oh no") if broken[0] == 2 else None

    threads.before = before
    out, err = home.run("threads", "history", "thread_1", "-o", "jsonl")
    assert len(out.splitlines()) == 250
    assert err == "asstctl: Oh no (HTTP 500), request req_test; trying again in 0.5 s\n"


def test_a_posted_message_of_a_copy_is_not_repeated_where_it_may_be_there(talked, threads):
    talked.run("threads", "copy", "@last", "--to", "local")
    local = talked.run("threads", "list", "-q")[0].split()[0]
    threads.before = lambda request: error(500, "Oh no") if "messages" in request.path else None
    talked.run("-p", "local", "threads", "copy", local, "--to", "default", code=7)
    assert [path for path in threads.posts() if path.endswith("/messages")] == [
        "/threads/thread_2/messages"
    ]


def test_a_busy_server_is_waited_for_within_the_timeout_alone(talked, threads):
    talked.configure(talked.config.read_text() + "timeout = 1\n")
    threads.before = lambda _: error(503, "busy")
    started = time.monotonic()
    err = talked.run("threads", "history", "@last", code=7)[1].splitlines()
    assert time.monotonic() - started < 5
    assert err == [
        "asstctl: busy (HTTP 503), request req_test; trying again in 0.5 s",
        "asstctl: busy (HTTP 503), request req_test",
    ]
