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
from asstctl.wire.patience import ATTEMPTS, Patience, Purpose, Seen, Then
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
AGAIN, LOOKS, TWICE, ENDS = Then.REPEAT, Then.LOOK, Then.LOOK_TWICE, Then.STOP
LIMITED, BUSY_NOW, FAILED = of(429), of(503), UnansweredError("no answer")

TABLE = {
    # after 429, 503, and 500, 502, 504, 408 or no answer
    Purpose.READ: (AGAIN, AGAIN, AGAIN),
    Purpose.DELETE: (AGAIN, AGAIN, AGAIN),
    Purpose.CANCEL: (AGAIN, AGAIN, AGAIN),
    Purpose.PROMPT: (AGAIN, TWICE, LOOKS),
    Purpose.ITEM: (AGAIN, ENDS, LOOKS),
    Purpose.COMPLETION: (AGAIN, AGAIN, ENDS),
    Purpose.CREATION: (AGAIN, ENDS, ENDS),
    Purpose.ADDITION: (AGAIN, TWICE, TWICE),
}


def steps(purpose, wrong, seen=(), **facts):
    """The pauses, the looks and the error after one fault; `seen` is what the looks find."""
    clock, found = Clock(), list(seen)
    patience = Patience(
        purpose, 60, look=lambda: found.pop(0), clock=clock, sleep=clock.sleep, **facts
    )
    try:
        told = [event.text for event in patience.rest(wrong)]
    except AsstctlError as error:
        return error, len(seen) - len(found), clock.now
    return told, len(seen) - len(found), clock.now


@pytest.mark.parametrize("purpose", Purpose)
def test_the_table_says_what_follows_a_fault(purpose):
    for wrong, then in zip((LIMITED, BUSY_NOW, FAILED), TABLE[purpose], strict=True):
        told, looks, waited = steps(purpose, wrong, [Seen.ABSENT, Seen.ABSENT])
        match then:
            case Then.REPEAT:
                assert (len(told), looks, waited) == (1, 0, 0.5)
            case Then.LOOK_TWICE:
                assert (len(told), looks, waited) == (2, 2, 2.0)
            case Then.LOOK:
                assert (told, looks, waited) == (wrong, 1, 0)
            case Then.STOP:
                assert (told, looks, waited) == (wrong, 0, 0)


@pytest.mark.parametrize("purpose", Purpose)
def test_where_nothing_was_sent_or_the_thread_is_in_use_every_request_is_repeated(purpose):
    for wrong in (REACHABLE, LockedError("in use")):
        assert steps(purpose, wrong)[1:] == (0, 0.5)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    "wrong",
    [
        NOWHERE,
        of(429, words="You exceeded your quota"),
        NotFoundError("none", status=404),
        AuthError("who?", status=401),
        AsstctlError("no", status=400),
    ],
    ids=str,
)
def test_what_no_repetition_mends_is_not_repeated(wrong, purpose):
    assert steps(purpose, wrong) == (wrong, 0, 0)


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_these_refusals_leave_open_whether_a_prompt_was_taken(status):
    assert steps(Purpose.PROMPT, of(status), [Seen.TAKEN])[1] == 1
    assert steps(Purpose.PROMPT, IncompleteError("it broke"), [Seen.TAKEN])[1] == 1


@pytest.mark.parametrize(
    "seen",
    [[Seen.TAKEN], [Seen.UNKNOWN], [Seen.ABSENT, Seen.TAKEN], [Seen.ABSENT, Seen.UNKNOWN]],
)
def test_a_prompt_is_sent_again_only_where_two_looks_lack_it(seen):
    error, looks, _ = steps(Purpose.PROMPT, BUSY_NOW, seen)
    assert (error, looks) == (BUSY_NOW, len(seen))


def test_a_prompt_is_sent_twice_at_most():
    clock = Clock()
    patience = Patience(
        Purpose.PROMPT, 60, look=lambda: Seen.ABSENT, clock=clock, sleep=clock.sleep
    )
    list(patience.rest(BUSY_NOW))
    with pytest.raises(UnavailableError):
        list(patience.rest(BUSY_NOW))


def test_who_leaves_does_not_wait_as_long_as_the_service_asks():
    assert steps(Purpose.CANCEL, of(429, 30.0), hurried=True)[2] == 0.5


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
    assert attempts(Purpose.COMPLETION, of(503, 2.0), 60) == (ATTEMPTS, 4.0)


def test_no_pause_goes_beyond_the_timeout():
    assert attempts(Purpose.READ, of(429, 59.9), 60) == (2, 59.9)
    assert attempts(Purpose.READ, of(429, 61.0), 60) == (1, 0.0)
    sent, waited = attempts(Purpose.ITEM, LockedError("in use"), 60)
    assert sent > ATTEMPTS
    assert 50 < waited <= 60


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
    [local] = talked.run("-p", "local", "threads", "list", "-q")[0].split()
    threads.before = lambda request: error(500, "Oh no") if "messages" in request.path else None
    talked.run("-p", "local", "threads", "copy", local, "--to", "default", code=7)
    assert [path for path in threads.posts() if path.endswith("/messages")] == [
        "/threads/thread_2/messages"
    ]


def test_a_busy_server_is_waited_for_within_the_timeout_alone(talked, threads):
    talked.configure(talked.config.read_text() + "timeout = 1\n")
    threads.before = lambda _: error(503, "busy")
    started = time.monotonic()
    err = talked.run("threads", "history", "@last", code=6)[1].splitlines()
    assert time.monotonic() - started < 5
    assert err[:2] == [
        "asstctl: busy (HTTP 503), request req_test; trying again in 0.5 s",
        "asstctl: busy (HTTP 503), request req_test; thread_1 is read from what is kept here",
    ]
