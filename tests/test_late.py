"""Late answers, cut runs and other clients: nothing is lost, doubled, or taken for ours."""

import signal
import threading
import time

import pytest

from tests.responses_server import ResponsesServer, event
from tests.servers import Reply, ThreadsServer, error
from tests.test_identity import texts
from tests.test_lost import item, prompts
from tests.test_threads_wire import DONE, STARTED, delta, run, stream, whole
from tests.test_tools import responses_calls, threads_calls, tool


def is_run(request):
    return request.method == "POST" and request.path.partition("?")[0].endswith("/runs")


def go(home, *words, data=None):
    p = home.start(*words, **({"stdin": -1} if data else {}))
    out, err = p.communicate(data, timeout=90)
    return p.returncode, out.decode(), err.decode()


class Locks(ResponsesServer):
    """Adds input and output of a response to its conversation when it completes, and of none that
    was cancelled or failed; takes no prompt while a call there has no output.
    """

    def create(self, body):
        conv = body.get("conversation")
        if conv in self.conversations:
            held = self.conversations[conv]
            said = body["input"] if isinstance(body["input"], list) else []
            done = {i.get("call_id") for i in [*held, *said] if i["type"] == "function_call_output"}
            for i in held:
                if i["type"] == "function_call" and i["call_id"] not in done:
                    return error(400, f"No tool output found for function call {i['call_id']}.")
        return super().create(body)

    def played(self, identity, raw):
        r = self.responses[identity]
        conv = (r["conversation"] or {}).get("id")
        yield raw.replace(b"RESP", identity.encode())
        if b"function_call" in raw:
            r["status"] = "completed"
            out = [
                {
                    "id": "fc_call_1",
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "f",
                    "arguments": "{}",
                }
            ]
            r["output"] = out
            self.conversations[conv] += [*self.inputs[identity], *out]
        else:
            r["status"] = "failed"


def calls_after_words():
    action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]
        },
    }
    wants = run("requires_action", required_action=action)
    return stream(
        STARTED,
        ("thread.message.delta", delta("Let me look that up.")),
        ("thread.message.completed", whole("Let me look that up.")),
        ("thread.run.requires_action", wants),
        DONE,
    )


def two_turns(home, server, form="project"):
    server.form = form
    home.use_threads(server)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")


@pytest.mark.parametrize("how", ["504", "gone", "json"])
def test_the_answer_after_calls_is_not_lost_with_exit_0(home, threads, how):
    two_turns(home, threads)
    tool(home, "f", "echo 1", confirm=False)
    threads.replies.append(Reply(raw=calls_after_words()))

    def after(request, reply):
        if not request.path.partition("?")[0].endswith("/submit_tool_outputs"):
            return reply
        list(reply.events)
        return {
            "504": error(504, "late"),
            "gone": Reply(gone=True),
            "json": Reply(body=threads.runs["thread_1"][-1]),
        }[how]

    threads.after = after
    code, out, err = go(home, "ask", "-c", "Three")
    assert code != 0 or "It says: ['1\\n']" in out, (code, out, err)


def test_a_cut_run_of_25_messages_is_whole_or_said(home, threads):
    two_turns(home, threads)
    real = threads.complete

    def complete(thread, run, identity=None):
        for n in range(1, 26):
            run["reply"] = f"Step {n}"
            real(thread, run, identity if n == 1 else None)

    threads.complete = complete
    threads.replies.append(Reply("Step 1", cut=1300))
    code, out, err = go(home, "ask", "-c", "Three")
    assert "Step 90" not in out, out
    assert code != 0 or "Step 3\n" in out, (code, out, err)


def test_recover_of_25_messages_is_whole_or_said(home, threads):
    two_turns(home, threads)
    for n in range(1, 26):
        threads.say("thread_1", "assistant", f"Step {n}", threads.runs["thread_1"][-1]["id"])
    code, out, err = go(home, "threads", "recover", "@last")
    assert code != 0 or "Step 3\n" in out, (code, out, err)


def test_a_server_that_drops_metadata_of_additional_messages_gets_a_prompt_once(home):
    class Drops(ThreadsServer):
        form = "project"

        def run(self, thread, body):
            body = {
                **body,
                "additional_messages": [
                    {**m, "metadata": {}} for m in body.get("additional_messages", ())
                ],
            }
            return super().run(thread, body)

    with Drops() as server:
        home.use_threads(server)
        home.run("ask", "One")
        code, out, err = go(home, "ask", "-c", "Two")
        assert texts(server) == ["One", "Two"], (code, out, err, texts(server))


@pytest.mark.parametrize("flag", ["--wait", "--cancel-active"])
def test_a_first_sending_that_arrives_late_and_locks_is_ours(home, threads, flag):
    two_turns(home, threads)
    seen = []

    def before(request):
        if is_run(request):
            seen.append(request)
            if len(seen) == 1:
                return error(503, "upstream reset")
            if len(seen) == 2:  # the gateway delivers the first one now
                threads.run("thread_1", seen[0].body)
                threads.runs["thread_1"][-1]["status"] = "in_progress"
        return None

    threads.before = before
    code, out, err = go(home, "ask", "-c", flag, "Three")
    assert texts(threads) == ["One", "Two", "Three"] or "twice" in err, (
        code,
        out,
        err,
        texts(threads),
    )


@pytest.mark.parametrize("how", ["ctrl-c", "failed"])
def test_a_stopped_reply_after_calls_leaves_no_call_open(home, how):
    with Locks() as s:
        home.use_threads(s)
        tool(home, "f", "echo 1", confirm=False)
        s.replies.append(Reply(raw=responses_calls([("call_1", "f", "{}")])))
        if how == "failed":
            began = {"id": "RESP", "status": "in_progress", "background": True}
            broken = {
                **began,
                "status": "failed",
                "error": {"code": "server_error", "message": "oops"},
            }
            s.replies.append(
                Reply(
                    raw=event("created", 0, {"response": began})
                    + event("failed", 1, {"response": broken})
                )
            )
            err = go(home, "ask", "Hi")[2]
        else:
            s.replies.append(Reply(words=["It ", "says ", "1"], stall=5))
            p = home.start("ask", "Hi")
            while b"It" not in p.stdout.read1(100):
                pass
            time.sleep(0.3)
            p.send_signal(signal.SIGINT)
            err = p.communicate(timeout=60)[1].decode()
        assert "does not hold this prompt" not in err, (err, s.conversations)
        unlocked = go(home, "threads", "unlock", "@last")
        assert go(home, "ask", "-c", "Next")[0] == 0, (err, unlocked)


def test_a_call_that_was_cut_and_can_not_be_declined_is_said(home):
    with Locks() as s:
        home.use_threads(s)
        call = {
            "id": "fc_call_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": '{"a',
        }
        resp = {"id": "RESP", "status": "in_progress", "background": True}
        short = {
            **resp,
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [call],
        }
        s.replies.append(
            Reply(
                raw=event("created", 0, {"response": resp})
                + event("incomplete", 2, {"response": short})
            )
        )
        s.replies[0].raw += b": function_call\n\n"
        s.before = lambda r: (
            error(500, "no") if r.method == "POST" and r.path.endswith("/items") else None
        )
        err = go(home, "ask", "Hi")[2]
        s.before = None
        assert "unlock" in err or go(home, "ask", "-c", "Next")[0] == 0, err


def test_outputs_that_were_taken_are_not_contradicted(home):
    with Locks() as s:
        home.use_threads(s)
        tool(home, "pay", "echo paid 1 EUR", confirm=False)
        s.replies.append(Reply(raw=responses_calls([("call_1", "pay", "{}")])))

        def after(request, reply):
            if request.path.endswith("/responses") and prompts(request, "function_call_output"):
                s.complete("resp_2", held=True)
                return error(504, "late")
            return reply

        s.after = after
        r = go(home, "ask", "Hi")
        outputs = [
            i["output"]
            for i in s.conversations["conv_000001"]
            if i["type"] == "function_call_output"
        ]
        assert outputs == ["paid 1 EUR\n"], (r, outputs)


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_message_of_no_run_is_no_part_of_a_reply_whose_messages_name_their_run(
    home, threads, form
):
    two_turns(home, threads, form)
    real = threads.complete

    def complete(thread, run, identity=None):
        found = real(thread, run, identity)
        threads.say(thread, "assistant", "OPERATOR")  # POST /messages with role assistant
        return found

    threads.complete = complete
    threads.replies.append(Reply("A reply of some words that is cut in the middle", cut=1500))
    code, out, err = go(home, "ask", "-c", "Three")
    assert "OPERATOR" not in out, (code, out, err)


def test_where_two_prompts_are_new_nobody_can_tell(home):
    class Nameless(ThreadsServer):
        form = "project"

        def say(self, thread, role, text, run=None):
            return super().say(thread, role, text, None)

    with Nameless() as s:
        s.drops_metadata = True
        home.use_threads(s)

        def before(request):
            if is_run(request) and prompts(request, "Mine"):
                s.say("thread_1", "user", "Their question")
                s.say("thread_1", "assistant", "THE ANSWER TO THEM")
                s.replies.append(Reply("My own answer of some words that is cut", cut=1500))

        s.before = before
        code, out, err = go(home, "chat", data=b"One\nMine\n")
        assert "THE ANSWER TO THEM" not in out, (code, out, err)


def test_recover_shows_no_old_answer_where_much_followed(home, responses):
    home.use_threads(responses)
    home.run("ask", "One")
    for n in range(5):
        responses.conversations["conv_000001"] += [
            responses.item(item("user", f"Their {n}")),
            responses.item(item("assistant", f"To them {n}")),
        ]
    code, out, err = go(home, "threads", "recover", "@last")
    assert "You said: One" not in out, (code, out, err)


def test_recover_shows_no_old_answer_to_a_prompt_of_the_same_second(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    found = threads.say("thread_1", "user", "And now?")  # another client's, without a mark
    found["created_at"] = threads.runs["thread_1"][0]["created_at"]
    code, out, err = go(home, "threads", "recover", "@last")
    assert out == "", (code, out, err)


def test_the_message_of_another_client_is_not_the_copy_of_ours(home):
    with ThreadsServer() as s:
        s.form = "compatible"
        home.use_threads(s)
        home.run("ask", "One")
        home.configure(
            home.config.read_text()
            + "\n[profiles.b]\n"
            + "".join(f'{k} = "{v}"\n' for k, v in s.settings.items())
        )
        home.run("threads", "copy", "thread_1", "--to", "b")
        home.run("ask", "-t", "thread_1", "Two")
        left = [1]

        def before(request):
            if left and request.method == "POST" and request.path.endswith("thread_2/messages"):
                left.pop()
                s.say("thread_2", "user", "Somebody else says this in the copy")
                return error(504, "late")
            return None

        s.before = before
        r = go(home, "threads", "copy", "thread_1", "--to", "b")
        assert r[0] != 0 or "Two" in texts(s, "user", "thread_2"), (r, texts(s, "user", "thread_2"))


def test_a_late_message_of_a_copy_is_counted_at_the_end(home):
    with ThreadsServer() as s:
        two_turns(home, s, "compatible")
        seen = []

        def before(request):
            if request.method == "POST" and request.path.endswith("/messages"):
                seen.append(request)
                if len(seen) == 1:
                    return error(503, "reset")
                if len(seen) == 2:
                    s.said("thread_2", seen[0].body)
            return None

        s.before = before
        r = go(home, "threads", "fork", "thread_1")
        assert r[0] != 0 or texts(s, "user", "thread_2") == ["One", "Two"], (
            r,
            texts(s, "user", "thread_2"),
        )


@pytest.mark.parametrize("how", ["list500", "late"])
def test_ctrl_c_before_a_run_began_is_never_silent(home, threads, how):
    two_turns(home, threads)
    asked = threading.Event()

    def before(request):
        if is_run(request):
            if how == "late":
                asked.set()
                time.sleep(2.5)
                threads.run("thread_1", request.body)
            else:
                threads.run("thread_1", request.body)
                asked.set()
                time.sleep(6)
            threads.runs["thread_1"][-1]["status"] = "in_progress"
            return Reply(gone=True)
        if asked.is_set() and how == "list500":
            return error(500, "overloaded")
        return None

    threads.before = before
    p = home.start("ask", "-c", "Three")
    assert asked.wait(20)
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=60)[1].decode()
    time.sleep(3)
    assert threads.active("thread_1") is None or "thread_1" in err, (
        p.returncode,
        err,
        texts(threads),
    )


def test_ctrl_c_shows_no_reply_to_another_prompt(home, threads):
    threads.form = "project"
    threads.ignores_prompts = True
    home.use_threads(threads)
    home.run("ask", "One")
    threads.replies.append(Reply(words=["Again, ", "the answer ", "to One"], stall=3))
    p = home.start("ask", "-c", "Two")
    time.sleep(1.5)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert out == b"" or err != b"", (p.returncode, out, err, texts(threads))


def test_a_run_that_is_not_seen_to_end_is_not_said_to_be_cancelled(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply(raw=threads_calls([("call_1", "f", "{}")])))

    def after(request, reply):
        path = request.path.partition("?")[0]
        if path.endswith("/cancel"):
            threads.runs["thread_1"][0]["status"] = "requires_action"
            return Reply(body={})
        if request.method == "GET" and "/runs/" in path:
            return error(404, "Not Found")
        return reply

    threads.after = after
    err = go(home, "ask", "Hi")[2]
    assert "the run was cancelled" not in err, err


@pytest.mark.parametrize("command", ["recover", "fetch", "export", "history"])
def test_no_answer_is_unexpected(home, threads, responses, command):
    if command == "recover":
        home.use_threads(responses)
        home.run("ask", "One")
        responses.responses["resp_1"]["output"][0]["id"] = ["x"]
    else:
        home.use_threads(threads)
        home.run("ask", "One")
        if command == "history":
            threads.threads["thread_1"][-1]["created_at"] = 10**400
        else:
            threads.runs["thread_1"][0]["id"] = []
    err = go(home, "threads", command, "@last")[2]
    assert "unexpected" not in err, err


@pytest.mark.parametrize("words", [("ask", "--print-id", "Hi"), ("chat",)])
def test_an_id_of_a_thread_on_stderr_shows_no_key_and_steers_nothing(home, threads, words):
    key = "sk-very-secret-key-1234"
    threads.keys = (key,)
    home.use_threads(threads)
    home.environment["MY_KEY"] = key
    bad, real = f"thread_\x1b[2J{key}", threads.new_thread

    def new_thread(metadata=None):
        made = real(metadata)
        for kept in (threads.threads, threads.runs, threads.metadata):
            kept[bad] = kept.pop(made["id"])
        return {**made, "id": bad}

    threads.new_thread = new_thread
    err = go(home, *words, data=b"Hi\n" if words == ("chat",) else None)[2]
    assert key not in err
    assert "\x1b" not in err


def test_a_reason_in_json_shows_no_key(home, threads):
    from tests.test_threads_wire import DONE, STARTED, run, stream

    key = "sk-very-secret-key-1234"
    threads.keys = (key,)
    home.use_threads(threads)
    home.environment["MY_KEY"] = key
    raw = stream(
        STARTED,
        (
            "thread.run.incomplete",
            run("incomplete", incomplete_details={"reason": f"Bearer {key}"}),
        ),
        DONE,
    )
    threads.replies.append(Reply(raw=raw))
    assert key not in go(home, "ask", "-o", "json", "Hi")[1]


def test_a_run_that_passed_over_the_prompt_and_waits_for_a_call_locks_nothing(home, threads):
    threads.form = "project"
    threads.ignores_prompts = True
    home.use_threads(threads)
    home.run("ask", "One")
    threads.replies.append(Reply(raw=threads_calls([("call_1", "f", "{}")])))
    assert home.run("ask", "-c", "Two")[0].startswith("You said: Two")


def test_recover_of_a_run_that_waits_names_the_way_out(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    threads.runs["thread_1"][0]["status"] = "requires_action"
    err = home.run("threads", "recover", "@last", code=6)[1]
    assert "ended as" not in err
    assert "asstctl threads unlock thread_1" in err


def test_a_thread_without_an_id_is_never_remembered(home, threads):
    home.use_threads(threads)
    nameless = {"id": "RUN", "object": "thread.run"}
    threads.replies.append(
        Reply(
            raw=stream(
                ("thread.run.created", {**nameless, "status": "queued"}),
                ("thread.message.delta", delta("Hi")),
                ("thread.run.completed", {**nameless, "status": "completed"}),
                DONE,
            )
        )
    )
    assert "does not say the thread" in home.run("ask", "One", code=1)[1]
    assert home.run("threads", "list")[0] == ""


def test_a_chain_whose_server_does_not_say_its_inputs_is_no_gone_one(home):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        home.use_threads(server)
        home.run("config", "set", "keep", "false")
        home.run("ask", "One")
        server.before = lambda r: error(404, "no route") if "input_items" in r.path else None
        assert "You said: One" in home.run("threads", "history", "@last")[0]
