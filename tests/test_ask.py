"""`asstctl ask` from the outside: streams, exit codes, input, the record."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.servers import ChatServer, Reply, sse

ESCAPE = "\x1b[31mred\x1b]52;c;AAAA\x07\x9b2J\u202eabc"


def test_the_reply_is_all_that_stdout_gets_with_one_newline_at_its_end(home, server):
    home.use_server(server)
    out, err = home.run("ask", "Hello")
    assert (out, err) == ("You said: Hello (1)\n", "")


def test_a_newline_at_the_end_of_the_reply_is_not_doubled(home, server):
    home.use_server(server)
    server.replies.append(Reply("one\ntwo\n"))
    assert home.run("ask", "Hello")[0] == "one\ntwo\n"


def test_piped_text_is_byte_for_byte_what_the_model_wrote(home, server):
    home.use_server(server)
    text = f"# Title\r\n\r\n**bold** {ESCAPE} 汉字 🙂\tend"
    server.replies.append(Reply(words=list(text)))
    process = home.start("ask", "Hello")
    assert process.communicate()[0] == f"{text}\n".encode()


def test_each_event_is_flushed_as_it_comes(home, server):
    home.use_server(server)
    server.replies.append(Reply("first second third", delay=0.4))
    process = home.start("ask", "Hello")
    first = os.read(process.stdout.fileno(), 100)
    assert process.poll() is None
    rest = process.communicate()[0]
    assert (first.split(), first + rest) == ([b"first"], b"first second third\n")


def test_json_is_one_event_a_line_and_ends_with_runfinished(home, server):
    home.use_server(server)
    events = [json.loads(line) for line in home.run("ask", "-o", "json", "Hi")[0].splitlines()]
    names = [event["event"] for event in events]
    assert names[:2] == ["RunStarted", "MessageStarted"]
    assert names[-1] == "RunFinished"
    assert events[-1]["ending"] == "completed"
    assert events[-1]["usage"]["prompt_tokens"] == 11
    assert "".join(e["text"] for e in events if e["event"] == "TextDelta") == "You said: Hi (1)"


def test_json_ends_with_failed_and_the_error_is_json_too(home, server):
    home.use_server(server)
    server.replies.append(Reply("part of", finish=None))
    out, err = home.run("ask", "-o", "json", "Hi", code=6)
    last, error = json.loads(out.splitlines()[-1]), json.loads(err)
    assert last.pop("event") == "Failed"
    assert last == error
    assert error["exit_code"] == 6
    assert error["retryable"]


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (
            Reply(status=401, body={"error": {"message": "bad key"}}),
            4,
            "bad key (HTTP 401), request req_test",
        ),
        (Reply(status=403, body={"error": {"message": "no"}}), 4, "no (HTTP 403)"),
        (Reply(status=404, body={"detail": "no model"}), 5, "no model (HTTP 404)"),
        (Reply(status=400, body={"error": "bad request"}), 1, "bad request (HTTP 400)"),
        (Reply(status=429, body={"error": {"message": "slow down"}}), 7, "slow down (HTTP 429)"),
        (Reply(status=500, body=b"", content_type="text/plain"), 7, "HTTP 500"),
        (
            Reply(status=502, body=b"<html>oops", content_type="text/html"),
            7,
            "bad gateway (HTTP 502)",
        ),
        (Reply("It ends", finish=None), 6, "broke off"),
        (Reply("It is cut", cut=400), 6, "broke"),
        (Reply("too long", finish="length"), 6, "limit of length"),
        (Reply("hm", finish="content_filter"), 6, "content filter"),
        (Reply(raw=b"data: {garbage\n\n"), 6, "broke off inside an event"),
        (Reply(raw=sse({"error": {"code": 503, "message": "overloaded"}})), 7, "overloaded"),
        (
            Reply(status=200, body=b"<html>", content_type="text/html"),
            1,
            "answered with a web page",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else None,
)
def test_every_failure_is_one_line_on_stderr_and_its_own_exit_code(
    home, server, reply, code, words
):
    home.use_server(server)
    reply.headers["retry-after"] = "0.05"
    server.replies += [reply] * 3
    _, err = home.run("ask", "Hello", code=code)
    lines = [line for line in err.splitlines() if "trying again" not in line]
    first, *hints = lines
    assert first.startswith("asstctl: ")
    assert words in first
    assert len(hints) <= 1


def test_a_plain_json_answer_to_a_stream_is_read_too(home, server):
    home.use_server(server)
    message = {"role": "assistant", "content": "whole"}
    server.replies.append(Reply(body={"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert home.run("ask", "Hello")[0] == "whole\n"


def test_nobody_there_is_exit_7_with_what_to_check(home, server):
    home.use_server(server, endpoint="http://127.0.0.1:9/v1")
    err = home.run("ask", "Hello", code=7)[1]
    assert "can't connect to 127.0.0.1:9: connection refused" in err
    assert "hint: is the server running?" in err


def test_a_silent_server_is_given_up_after_the_timeout(home, server):
    home.use_server(server)
    server.replies.append(Reply("never", delay=5))
    start = time.monotonic()
    err = home.run("ask", "--timeout", "0.5", "Hello", code=6)[1]
    assert "sent nothing for 0.5 s" in err
    assert time.monotonic() - start < 4


def test_ctrl_c_keeps_the_part_that_came_and_leaves_130(home, server):
    home.use_server(server)
    server.replies.append(Reply("one two " + "three " * 100, delay=0.1))
    process = home.start("ask", "Count")
    assert process.stdout.read(8) == b"one two "
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out.endswith(b"\n")
    assert err == b""
    history = json.loads(home.run("threads", "history", "-o", "json")[0])["messages"]
    assert history[1]["status"] == "cancelled"
    assert history[1]["text"].startswith("one two ")
    assert server.closed_early.wait(5)


@pytest.mark.posix
def test_sigterm_leaves_143_and_sighup_129_with_the_part_kept(home, server):
    home.use_server(server)
    for signum, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        server.replies.append(Reply("word " * 100, delay=0.1))
        process = home.start("ask", "Count")
        process.stdout.read(5)
        process.send_signal(signum)
        process.communicate(timeout=10)
        assert process.returncode == code
        last = json.loads(home.run("threads", "history", "-o", "json")[0])["messages"][-1]
        assert (last["role"], last["status"]) == ("assistant", "cancelled")


def test_a_closed_pipe_ends_quietly_with_141_and_stops_the_reply(home, server):
    home.use_server(server)
    server.replies.append(Reply("line \n" * 400, delay=0.01))
    process = home.start("ask", "Count")
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as stderr:
        assert process.wait(timeout=10) == 141
        assert stderr.read() == b""
    assert server.closed_early.wait(5)


def test_the_prompt_is_the_argument_then_a_blank_line_then_stdin(home, server):
    home.use_server(server)
    home.run("ask", "Summarize", stdin=b"a\nb\n")
    home.run("ask", stdin=b"only stdin\n")
    home.run("ask", "-", stdin=b"dash\n")
    home.run("ask", "--", "--not-an-option")
    sent = [request.body["messages"][-1]["content"] for request in server.requests]
    assert sent == ["Summarize\n\na\nb", "only stdin", "dash", "--not-an-option"]


def test_no_prompt_at_all_is_said_with_exit_2(home, server):
    home.use_server(server)
    out, err = home.run("ask", code=2)
    assert out == ""
    assert "PROMPT: there is none" in err
    assert home.run("ask", "", stdin=b"\n", code=2)[0] == ""
    assert not server.requests


def test_stdin_that_is_not_utf_8_is_refused_with_the_place(home, server):
    home.use_server(server)
    err = home.run("ask", stdin=b"caf\xe9", code=1)[1]
    assert "stdin is not UTF-8: byte 0xe9 at 3" in err
    assert not server.requests


def test_ten_megabytes_of_stdin_are_sent(home, server):
    home.use_server(server)
    server.replies.append(Reply("ok"))
    text = "0123456789abcde\n" * 655_360
    assert home.run("ask", "-", stdin=text.encode())[0] == "ok\n"
    assert server.requests[0].body["messages"][0]["content"] == text.rstrip("\n")


def test_input_beyond_the_limit_is_refused_with_the_limit(home, server):
    home.use_server(server)
    err = home.run("ask", stdin=b"x" * (64 * 1024 * 1024 + 1), code=1)[1]
    assert "larger than 64 MiB" in err


def test_files_follow_the_prompt_in_a_fence_that_they_cannot_close(home, server):
    home.use_server(server)
    (home.path / "notes.md").write_text("see\n```\ncode\n```\n")
    home.run("ask", "Explain", "-f", "notes.md")
    assert server.requests[0].body["messages"][0]["content"] == (
        "Explain\n\nnotes.md:\n````\nsee\n```\ncode\n```\n````"
    )
    assert (
        "can't read missing: no such file"
        in home.run("ask", "x", "-f", "missing", code=1)[1].lower()
    )
    (home.path / "image").write_bytes(b"\x89PNG\xff")
    assert "image is not UTF-8" in home.run("ask", "x", "-f", "image", code=1)[1]


def test_a_thread_is_continued_by_reference_and_sent_whole(home, server):
    home.use_server(server)
    home.run("ask", "One")
    assert home.run("ask", "-c", "Two")[0] == "You said: Two (3)\n"
    thread = home.run("threads", "list", "-q")[0].strip()
    assert home.run("ask", "-t", thread[6:12], "Three")[0] == "You said: Three (5)\n"
    turns = server.requests[-1].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2 + ["user"]


def test_instructions_go_before_the_thread_and_a_prompt_that_failed_is_not_sent_again(home, server):
    home.use_server(server, instructions="Be brief.")
    server.replies.append(Reply(status=500, body={"error": "down"}))
    home.run("ask", "One", code=7)
    home.run("ask", "-c", "Two")
    home.run("ask", "-c", "--instructions", "Be long.", "Three")
    assert [turn["content"] for turn in server.requests[1].body["messages"]] == ["Be brief.", "Two"]
    assert server.requests[2].body["messages"][0] == {"role": "system", "content": "Be long."}
    roles = [
        m["status"] for m in json.loads(home.run("threads", "history", "-o", "json")[0])["messages"]
    ]
    assert roles == ["completed", "failed", "completed", "completed", "completed", "completed"]


def test_a_thread_too_long_for_the_model_is_cut_from_the_oldest_side_and_said_so(home, server):
    home.use_server(server)
    home.run("ask", "Long " * 400)
    home.run("ask", "-c", "Short")
    full = {
        "code": 400,
        "message": "too long",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 1000,
        "n_ctx": 300,
    }
    server.replies.append(Reply(status=400, body={"error": full}))
    out, err = home.run("ask", "-c", "Again")
    assert "it does not see the first" in err
    assert out == "You said: Again (3)\n"


def test_a_prompt_that_alone_is_too_long_is_refused(home, server):
    home.use_server(server)
    full = {"message": "9000 tokens is too long", "code": "context_length_exceeded"}
    server.replies.append(Reply(status=400, body={"error": full}))
    assert "9000 tokens is too long" in home.run("ask", "Hello", code=1)[1]
    assert len(server.requests) == 1


def test_print_id_is_the_last_line_of_stderr(home, server):
    home.use_server(server)
    err = home.run("ask", "--print-id", "Hello")[1]
    assert err == home.run("threads", "list", "-q")[0]


def test_stats_say_how_long_it_took(home, server):
    home.use_server(server)
    err = home.run("ask", "--stats", "Hello")[1]
    assert "first text after" in err
    assert "11 + 4 tokens" in err
    assert err.endswith("request req_test, 0 retries\n")


def test_stats_count_what_was_sent_again(home, server):
    home.use_server(server)
    server.replies.append(Reply(status=429, body={}, headers={"retry-after": "0"}))
    out, err = home.run("ask", "--stats", "Hello")
    assert out == "You said: Hello (1)\n"
    assert err.endswith(", 1 retry\n")


def test_stats_of_a_reply_that_never_came_name_the_retries(home, server):
    home.use_server(server)
    server.replies += [Reply(status=503, body={}, headers={"retry-after": "0"})] * 3
    err = home.run("ask", "--stats", "Hello", code=7)[1]
    assert "asstctl: no text, 2 retries\n" in err


def test_reasoning_stays_out_of_the_answer(home, server):
    from tests.servers import chunk

    home.use_server(server)
    raw = b"".join(
        sse(chunk(delta, finish))
        for delta, finish in [
            ({"reasoning_content": "Let me think."}, None),
            ({"content": "Yes."}, None),
            ({}, "stop"),
        ]
    )
    server.replies += [Reply(raw=raw), Reply(raw=raw)]
    assert home.run("ask", "Hello") == ("Yes.\n", "")
    assert home.run("ask", "--show-reasoning", "Hello") == ("Yes.\n", "Let me think.\n")


def test_typing_delay_pauses_after_each_word_and_changes_nothing_else(home, server):
    home.use_server(server)
    server.replies.append(Reply(words=["one two  three\nfour"]))
    start = time.monotonic()
    assert home.run("ask", "--typing-delay", "200", "Hello")[0] == "one two  three\nfour\n"
    assert time.monotonic() - start > 0.8


def test_the_key_comes_from_where_the_profile_says_and_goes_nowhere_else(home, server):
    home.use_server(server, api_key_env="MY_KEY")
    home.run("ask", "Hello", MY_KEY="canary")
    assert server.requests[0].headers["authorization"] == "Bearer canary"
    assert "MY_KEY (api_key_env) is not set" in home.run("ask", "Hello", code=3)[1]
    home.configure(
        f'backend = "local"\nendpoint = "{server.url}"\napi_key_command = ["echo", "printed"]\n'
    )
    home.run("ask", "Hello")
    assert server.requests[-1].headers["authorization"] == "Bearer printed"
    home.configure(
        'backend = "local"\nendpoint = "http://example.com/v1"\napi_key_env = "MY_KEY"\n'
    )
    assert "no key is sent over plain http" in home.run("ask", "Hello", code=3, MY_KEY="canary")[1]


def test_vendor_variables_never_reach_the_backend_local(home, server):
    home.use_server(server)
    vendors = {
        "OPENAI_API_KEY": "canary",
        "AZURE_OPENAI_API_KEY": "canary",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    }
    home.run("ask", "Hello", **vendors)
    assert "authorization" not in server.requests[0].headers


def test_a_redirect_to_another_origin_is_refused_and_to_the_same_one_followed(home, server):
    home.use_server(server, api_key_env="MY_KEY")
    with ChatServer() as other:
        server.replies.append(
            Reply(status=307, headers={"location": f"{other.url}/chat/completions"})
        )
        assert "where the key must not go" in home.run("ask", "Hello", code=3, MY_KEY="canary")[1]
        assert not other.requests
    server.replies.append(Reply(status=307, headers={"location": "/v1/chat/completions/"}))
    assert home.run("ask", "Hello", MY_KEY="canary")[0] == "You said: Hello (1)\n"
    server.replies.append(Reply(status=308, headers={"location": "http://[::"}))
    assert "which is no URL" in home.run("ask", "Hello", code=1, MY_KEY="canary")[1]


@pytest.mark.parametrize("wanted", ["stream", "page"])
def test_only_what_is_read_whole_may_come_packed(home, threads, wanted):
    """What packs a stream on its way may hold back its pieces."""
    home.use_threads(threads)
    home.run("ask", "Hello")
    home.run("threads", "history", "@last")
    (asked,) = (
        r
        for r in threads.requests
        if r.path.partition("?")[0].endswith("/runs" if wanted == "stream" else "/messages")
    )
    assert asked.headers["accept-encoding"] == ("identity" if wanted == "stream" else "gzip")


def test_the_model_is_found_where_there_is_only_one(home, server):
    home.configure(f'backend = "local"\nendpoint = "{server.url}"\n')
    home.run("ask", "Hello")
    assert server.asked("/chat/completions")[0].body["model"] == "test"
    server.models = ["small", "large"]
    err = home.run("ask", "Hello", code=3)[1]
    assert "has 2 models: small, large" in err
    assert "config set model" in err


def test_version_is_printed_before_anything_is_imported(home):
    from asstctl import __version__

    arguments = [*home.arguments("--version")]
    arguments.insert(1, "-Ximporttime")
    done = subprocess.run(
        arguments, capture_output=True, text=True, env=home.environment, check=True
    )
    assert done.stdout == f"{__version__}\n"
    assert "typer" not in done.stderr
    assert home.run("-V")[0] == done.stdout


def test_what_a_local_ask_imports_is_neither_openai_nor_rich(home, server):
    home.use_server(server)
    arguments = [*home.arguments("ask", "Hello")]
    arguments.insert(1, "-Ximporttime")
    done = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        env=home.environment,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    modules = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert modules.isdisjoint(
        {"openai", "rich", "xllamacpp", "prompt_toolkit", "tomlkit", "pydantic", "httpx2"}
    )
    assert "http.client" in modules


@pytest.mark.parametrize(
    "words", [["ask", "x", "-t"], ["ask", "--nope"], ["threads"], ["config", "set"]]
)
def test_a_wrong_command_line_is_exit_2(home, words):
    assert home.run(*words, code=2)[1]


def test_a_mistyped_command_is_answered_with_the_nearest(home):
    assert "Did you mean 'ask'?" in home.run("aks", code=2)[1]


@pytest.mark.parametrize("key", ["two words", "schlüssel", "line\x01"])
def test_a_key_that_no_header_can_carry_is_refused_and_never_shown(home, server, key):
    home.use_server(server, api_key_env="MY_KEY")
    out, err = home.run("ask", "Hello", code=3, MY_KEY=key)
    assert "the key from the variable MY_KEY is not one word of ASCII" in err
    assert key not in out + err
    assert not server.requests


def test_of_what_a_key_command_prints_the_first_line_is_the_key(home, server):
    home.configure(
        f'backend = "local"\nendpoint = "{server.url}"\nmodel = "m"\n'
        'api_key_command = ["printf", "canary\\nurl: x\\n"]\n'
    )
    home.run("ask", "Hello")
    assert server.requests[0].headers["authorization"] == "Bearer canary"


def test_a_key_command_that_fails_says_why_and_is_exit_4(home, server):
    home.configure(
        f'backend = "local"\nendpoint = "{server.url}"\nmodel = "m"\n'
        'api_key_command = ["sh", "-c", "echo locked >&2; exit 3"]\n'
    )
    assert "api_key_command sh failed: locked" in home.run("ask", "Hello", code=4)[1]


def test_a_proxy_never_sees_what_goes_to_this_machine(home, server):
    home.use_server(server)
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    assert home.run("ask", "Hello", **proxies)[0] == "You said: Hello (1)\n"


def test_a_broken_proxy_or_certificate_variable_is_a_clear_error(home):
    home.configure('backend = "local"\nendpoint = "https://example.invalid/v1"\nmodel = "m"\n')
    for variable, value in (("SSL_CERT_FILE", "/nope"), ("ALL_PROXY", "gopher://x")):
        err = home.run("ask", "Hello", code=3, **{variable: value})[1]
        assert "can't set up a connection" in err


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [None]},
        {"choices": [{"delta": "text"}]},
        {"choices": 5},
        {"choices": [], "usage": {"prompt_tokens": "many"}},
        [],
        {"choices": [{"delta": {"content": {"a": 1}}}]},
    ],
    ids=range(6),
)
def test_an_event_of_another_shape_is_exit_6_and_the_prompt_is_marked(home, server, body):
    home.use_server(server)
    server.replies.append(Reply(raw=sse(body)))
    err = home.run("ask", "Hello", code=6)[1]
    assert "unexpected" not in err
    last = json.loads(home.run("threads", "history", "-o", "json")[0])["messages"][-1]
    assert (last["role"], last["status"]) == ("assistant", "failed")


def test_content_that_is_a_list_of_parts_is_read(home, server):
    home.use_server(server)
    from tests.servers import chunk

    parts = [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]
    server.replies.append(Reply(raw=sse(chunk({"content": parts})) + sse(chunk({}, "stop"))))
    assert home.run("ask", "Hello")[0] == "in parts\n"


def test_half_a_surrogate_pair_from_a_model_does_not_spoil_the_thread(home, server):
    home.use_server(server)
    server.replies.append(Reply(words=["a \ud83d b"]))
    assert home.run("ask", "Hello")[0] == "a \ufffd b\n"
    assert home.run("ask", "-c", "Again")[0] == "You said: Again (3)\n"


def test_a_tool_call_that_nobody_offered_is_no_whole_answer(home, server):
    home.use_server(server)
    server.replies.append(Reply("part", finish="tool_calls"))
    assert "calls a tool" in home.run("ask", "Hello", code=6)[1]


def test_the_thread_and_the_last_one_can_not_both_be_meant(home, server):
    home.use_server(server)
    assert "exclude each other" in home.run("ask", "-c", "-t", "x", "Hello", code=2)[1]


def test_a_command_line_that_is_not_utf_8_is_refused(home, server):
    home.use_server(server)
    process = home.start(os.fsdecode(b"ask"), os.fsdecode(b"caf\xe9"))
    err = process.communicate()[1]
    assert process.returncode == 1
    assert b"the command line is not UTF-8" in err


def test_output_that_can_not_be_written_is_an_error(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    for words in (["config", "show"], ["threads", "history"], ["threads", "list"], ["ask", "x"]):
        with open("/dev/full", "wb") as full:
            process = home.start(*words, stdout=full)
            err = process.communicate()[1]
        assert process.returncode == 1, words
        assert b"no space left on device" in err
        assert b"unexpected" not in err


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_standard_stream_is_no_fault(home, server, number):
    home.use_server(server)
    closing = {0: "<&-", 1: ">&-", 2: "2>&-"}[number]
    line = " ".join(home.arguments("ask", "Hello"))
    done = subprocess.run(
        ["bash", "-c", f"{line} {closing}"], env=home.environment, capture_output=True
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("pause", [0.02, 0.06, 0.1])
def test_ctrl_c_at_any_moment_of_the_start_is_130(home, server, pause):
    home.use_server(server)
    server.replies.append(Reply("word " * 100, delay=0.1))
    code = "import os; from asstctl.__main__ import run; os.write(2, b'.'); run()"
    home.arguments = lambda *words: [sys.executable, "-c", code, *words]
    process = home.start("ask", "Hello")
    assert process.stderr.read(1) == b"."
    time.sleep(pause)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=20)[1]
    assert (process.returncode, b"Traceback" in err) == (130, False)


def test_debug_shows_where_an_error_comes_from_and_keeps_its_exit_code(home):
    err = home.run("--debug", "config", "get", "endpoint", code=3)[1]
    assert "Traceback" in err
    assert err.splitlines()[-2].startswith("asstctl: endpoint is not set")


def test_a_background_job_on_a_terminal_is_not_stopped(home, server):
    from tests.terminal import Screen

    home.use_server(server)
    line = " ".join(home.arguments("ask", "Hello"))
    home.arguments = lambda *words: ["bash", "--norc", "-ic", *words]
    script = f"set -m; {line} > out.txt & wait; echo ended $?"
    with Screen(home, script) as screen:
        screen.wait_for("ended 0")
    assert (home.path / "out.txt").read_text() == "You said: Hello (1)\n"


def test_a_piece_of_a_note_is_written_at_once():
    from asstctl.events import ReasoningDelta
    from asstctl.render.notes import Notes

    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as there, os.fdopen(writing, "w") as err:
        notes = Notes(err)
        notes.reasoning = True
        notes.write(ReasoningDelta("thinking"))
        assert there.read(100) == b"thinking"


def test_the_model_and_the_system_prompt_can_be_given_for_once(home, server):
    home.use_server(server)
    home.run("ask", "-m", "another", "-s", "Be brief.", "Hello")
    body = server.requests[-1].body
    assert body["model"] == "another"
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    home.run("ask", "--system", "Be long.", "Hello")
    assert server.requests[-1].body["messages"][0]["content"] == "Be long."
    assert server.requests[-1].body["model"] == "test"


def test_json_of_lists_can_be_narrowed_to_fields(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    out = home.run("threads", "list", "-o", "json", "--fields", "title, profile")[0]
    assert json.loads(out)["threads"] == [{"title": "Hello", "profile": "default"}]
    out = home.run("threads", "search", "hello", "-o", "json", "--fields", "role")[0]
    assert {"role": "user"} in json.loads(out)["hits"]
    err = home.run("threads", "list", "-o", "json", "--fields", "titel", code=2)[1]
    assert "there is no titel; there are id, name, title" in err
