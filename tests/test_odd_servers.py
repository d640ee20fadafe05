"""Copies to servers that answer, refuse or number things otherwise than the usual ones."""

import re
import time
from base64 import b64encode

import pytest

from asstctl.model import Message
from asstctl.parts import FileRef, Image, Reasoning, Text, ToolCall, ToolResult
from asstctl.transfer import archive
from tests.responses_server import ResponsesServer
from tests.servers import Reply, ThreadsServer, error
from tests.test_bringing import PNG as PICTURE
from tests.test_late import Locks, prompts, responses_calls, tool
from tests.test_moving import Resource, Thread, history, profiles

CALLS = ("function_call", "custom_tool_call", "computer_call", "shell_call")


def imported(home, messages, profile="default"):
    """Import messages of a file; return the file and the thread's id."""
    path = home.path / "thread.json"
    whole = archive.Archived(Thread("thread_x", "local", "", ""), messages)
    archive.write(path, archive.document(whole))
    return path, home.run("threads", "import", "-p", profile, str(path))[0].strip()


def numbered(count):
    return [
        Message(f"m{n}", ("user", "assistant")[n % 2], (Text(f"Text {n}"),)) for n in range(count)
    ]


def texts(items):
    return [item["content"][0]["text"] for item in items if item["type"] == "message"]


class Half(ResponsesServer):
    """Takes half of the items that it is sent, and says 200."""

    def conversation(self, request, words, asked):
        if request.method == "POST" and words[1:] == ["items"]:
            sent = request.body["items"]
            request.body["items"] = sent[: len(sent) // 2 or 1]
        return super().conversation(request, words, asked)


class OneByOne(ResponsesServer):
    """Takes items one by one, and keeps those before the one that it refuses."""

    def conversation(self, request, words, asked):
        if request.method != "POST" or words[1:] != ["items"]:
            return super().conversation(request, words, asked)
        for item in request.body["items"]:
            if "input_image" in str(item):
                return error(400, "images are not supported")
            self.conversations[words[0]].append(self.item(item))
        added = self.conversations[words[0]][-len(request.body["items"]) :]
        return Reply(body={"object": "list", "data": added})


class Strict(ResponsesServer):
    """Wants each output behind its call, and no prompt while a call is open."""

    too_long = ""

    def conversation(self, request, words, asked):
        if request.method == "POST" and words[1:] == ["items"]:
            have = [(i["type"], i.get("call_id")) for i in self.conversations[words[0]]]
            for item in request.body["items"]:
                kind = item["type"]
                if kind.endswith("_output"):
                    wanted = kind.removesuffix("_output")
                    if (
                        wanted if wanted in CALLS else f"{wanted}_call",
                        item["call_id"],
                    ) not in have:
                        return error(400, f"No tool call found for {kind}.")
                if self.too_long and self.too_long in str(item.get("output")):
                    return error(400, "string too long")
                have.append((kind, item.get("call_id")))
        return super().conversation(request, words, asked)

    def open(self, conversation):
        found = set()
        for item in self.conversations[conversation]:
            if item["type"] in CALLS:
                found.add(item["call_id"])
            elif item["type"].endswith("_output"):
                found.discard(item["call_id"])
        return found

    def create(self, body):
        where = body.get("conversation")
        if where and self.open(where):
            return error(400, "No tool output found for function call.")
        return super().create(body)


class StrictChain(Resource):
    """Wants calls with plain names, and each output behind its call."""

    def create(self, body):
        known = set()
        for item in body["input"] if isinstance(body.get("input"), list) else []:
            if item["type"] == "function_call":
                if not re.fullmatch(r"[\w-]{1,64}", item["name"]):
                    return error(400, "Invalid name")
                known.add(item["call_id"])
            if item["type"] == "function_call_output" and item["call_id"] not in known:
                return error(400, "No tool call found")
        return super().create(body)


def test_a_200_with_half_of_the_items_is_never_a_whole_copy(home):
    with profiles(home, {"r": Half}):
        _, thread = imported(home, numbered(3))
        err = home.run("threads", "copy", thread, "--to", "r", code=6)[1]
        assert "less than its server took" in err
        for _ in range(2):
            home.run("threads", "copy", thread, "--to", "r", code=None)
        [items] = home.servers["r"].conversations.values()
        assert texts(items) == [f"Text {n}" for n in range(3)]
        home.run("threads", "copy", thread, "--to", "r")


def test_a_200_without_a_message_stops_a_copy_where_it_is(home):
    with profiles(home, {"a": ThreadsServer}):
        server, count = home.servers["a"], []

        def before(request):
            if request.method == "POST" and request.path.partition("?")[0].endswith("/messages"):
                count.append(1)
                if len(count) in (3, 4):
                    return Reply(body={"error": {"message": "overloaded"}})
            return None

        server.before = before
        _, thread = imported(home, numbered(6))
        for code in (7, 7, 0):
            home.run("threads", "copy", thread, "--to", "a", code=code)
        said = [m["content"][0]["text"]["value"] for m in server.threads["thread_1"]]
        assert said == [f"Text {n}" for n in range(6)]


def test_a_refused_batch_that_was_taken_in_part_doubles_nothing(home):
    with profiles(home, {"r": OneByOne}):
        messages = numbered(8)
        image = Image(FileRef(url="https://example.com/a.png"))
        messages[6] = Message("m6", "user", (Text("Text 6"), image))
        _, thread = imported(home, messages)
        err = home.run("threads", "copy", thread, "--to", "r")[1]
        assert "as placeholders: 1 image" in err
        [items] = home.servers["r"].conversations.values()
        assert [text.split("\n")[0] for text in texts(items)] == [f"Text {n}" for n in range(8)]


def test_a_call_id_that_comes_again_leaves_no_call_open(home):
    with profiles(home, {"r": Strict}):
        call = (ToolCall("call_0", "w", "{}"),)
        turns = [
            ("user", (Text("weather?"),)),
            ("assistant", call),
            ("assistant", (ToolResult("call_0", "rain"),)),
            ("user", (Text("and now?"),)),
            ("assistant", call),
            ("user", (Text("never mind"),)),
        ]
        _, thread = imported(home, [Message(f"m{n}", *turn) for n, turn in enumerate(turns)])
        out, err = home.run("threads", "copy", thread, "--to", "r")
        assert "as placeholders: 1 tool call" in err
        assert home.servers["r"].open(out.strip()) == set()
        home.run("ask", "-t", out.strip(), "Hello")


@pytest.mark.parametrize(
    ("call", "output"),
    [
        ({"type": "custom_tool_call", "id": "c", "name": "sh", "input": "ls"}, "BIG"),
        (
            {
                "type": "computer_call",
                "id": "c",
                "status": "completed",
                "action": {"type": "click"},
            },
            {"type": "computer_screenshot", "file_id": "BIG"},
        ),
    ],
)
def test_a_refused_output_stays_an_answer_of_its_type(home, call, output):
    with profiles(home, {"r": ResponsesServer, "q": Strict}):
        source, target = home.servers["r"], home.servers["q"]
        target.too_long = "BIG"
        source.new_conversation()
        answer = {"type": f"{call['type']}_output", "id": "o", "call_id": "x", "output": output}
        words = (
            {"type": "message", "role": role, "content": role} for role in ("user", "assistant")
        )
        first, last = map(source.item, words)
        items = [first, source.item({**call, "call_id": "x"}), source.item(answer), last]
        source.conversations["conv_000001"] = items
        home.run("threads", "show", "conv_000001", "-p", "r")
        home.run("threads", "copy", "conv_000001", "--to", "q")
        assert target.open("conv_000001") == set()
        home.run("ask", "-t", "conv_000001", "-p", "q", "Hello")


@pytest.mark.parametrize(
    "items",
    [
        [
            {"type": "shell_call", "id": "s", "call_id": "x", "action": {"commands": ["ls"]}},
            {"type": "shell_call_output", "id": "o", "call_id": "x", "output": []},
        ],
        [{"type": "mcp_call", "id": "m", "server_label": "wiki", "name": "read", "output": "text"}],
    ],
)
def test_a_copy_on_a_chain_takes_prompts_whatever_tools_there_were(home, items):
    with profiles(home, {"r": ResponsesServer, "q": StrictChain}):
        source = home.servers["r"]
        source.new_conversation()
        first = {"type": "message", "role": "user", "content": "go"}
        source.conversations["conv_000001"] = [source.item(i) for i in (first, *items)]
        home.run("threads", "show", "conv_000001", "-p", "r")
        copy = home.run("threads", "copy", "conv_000001", "--to", "q")[0].strip()
        home.run("ask", "-t", copy, "Hello")


def test_reasoning_between_a_prompt_and_its_reply_hides_no_prompt_from_a_model(home):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        server.new_conversation()
        turns = []
        for prompt, reply in (("My name is Ada", "Hello"), ("I live in Oslo", "Nice")):
            turns += [
                {"type": "message", "role": "user", "content": prompt},
                {"type": "reasoning", "id": f"rs_{reply}", "summary": []},
                {"type": "message", "role": "assistant", "content": reply},
            ]
        server.conversations["conv_000001"] = list(map(server.item, turns))
        home.run("threads", "show", "conv_000001", "-p", "r")
        copy = home.run("threads", "copy", "conv_000001", "--to", "default")[0].strip()
        home.run("ask", "-t", copy, "What is my name?")
        said = [m["content"] for m in home.chat.requests[-1].body["messages"]]
        assert said == ["My name is Ada", "Hello", "I live in Oslo", "Nice", "What is my name?"]


def test_servers_that_number_files_alike_exchange_no_pictures(home):
    class Project(ThreadsServer):
        form = "project"

    with profiles(home, {"a": Project, "r": ResponsesServer}):
        source, target = home.servers["a"], home.servers["r"]
        first, second = PICTURE + b"A", PICTURE + b"B"
        source.files = {
            "file-up1": ("a.png", "vision", first),
            "file-up2": ("b.png", "vision", second),
        }

        def shown(*names):
            thread = source.new_thread()["id"]
            for name in names:
                image = {"type": "image_file", "image_file": {"file_id": name}}
                source.say(thread, "user", f"See {name}")["content"].append(image)
            home.run("threads", "fetch", "--remote", "-p", "a")
            return home.run("threads", "copy", thread, "--to", "r")[0].strip()

        shown("file-up2", "file-up1")
        copy = shown("file-up1")
        sent = target.conversations[copy][0]["content"][1]["file_id"]
        assert target.filing.files[sent][2] == first


def test_two_messages_of_one_id_are_imported_once(home):
    with profiles(home, {"r": ResponsesServer}):
        roles = (("a", "user", "1"), ("b", "assistant", "2"), ("a", "user", "3"))
        path, _ = imported(home, [Message(i, role, (Text(t),)) for i, role, t in roles], "r")
        home.run("threads", "import", "-p", "r", str(path))
        [items] = home.servers["r"].conversations.values()
        assert texts(items) == ["1", "2", "3"]


def test_copies_are_not_copied_beside_their_sources(home):
    with profiles(home, {"a": ThreadsServer, "r": ResponsesServer}):
        imported(home, numbered(2))
        for target in ("r", "a", "r"):
            home.run("threads", "copy", "--all", "--to", target)
        assert len(home.servers["r"].conversations) == 1
        assert len(home.servers["a"].threads) == 1


# Calls further back than a look at the end


def test_unlock_answers_no_call_twice_and_finds_one_far_back(home):
    with Locks() as server:
        home.use_threads(server)
        tool(home, "g", "echo 1", confirm=False)
        server.replies.append(Reply(raw=responses_calls([("call_1", "f", "{}")])))
        home.run("ask", "Hi", code=6)
        items = server.conversations["conv_000001"]
        words = {"type": "message", "role": "user", "content": "q"}
        items += [server.item(words) for _ in range(12)]
        err = home.run("threads", "unlock", "conv_000001")[1]
        assert "has no active reply" in err
        assert [i["type"] for i in items].count("function_call_output") == 1
        call = {"type": "function_call", "call_id": "call_9", "name": "f", "arguments": "{}"}
        items += [server.item(call), *(server.item(words) for _ in range(12))]
        assert "1 open call" in home.run("threads", "unlock", "conv_000001")[1]


def test_outputs_of_many_calls_are_never_posted_twice(home):
    with Locks() as server:
        home.use_threads(server)
        tool(home, "pay", "echo paid", confirm=False)
        made = [(f"call_{n}", "pay", "{}") for n in range(12)]
        server.replies.append(Reply(raw=responses_calls(made)))

        def after(request, reply):
            if request.path.endswith("/responses") and prompts(request, "function_call_output"):
                server.complete("resp_2", held=True)
                return error(504, "late")
            return reply

        server.after = after
        home.run("ask", "Hi", code=7)
        kinds = [item["type"] for item in server.conversations["conv_000001"]]
        assert kinds.count("function_call_output") == 12


def test_another_clients_word_hides_no_prompt_that_lost_its_mark(home):
    class Drops(ThreadsServer):
        form = "project"

        def run(self, thread, body):
            added = [{**m, "metadata": {}} for m in body.get("additional_messages", ())]
            return super().run(thread, {**body, "additional_messages": added})

        def complete(self, thread, run, identity=None):
            message = super().complete(thread, run, identity)
            if len(self.runs[thread]) == 2:
                self.say(thread, "user", "from another client")
            return message

    with Drops() as server:
        home.use_threads(server)
        home.run("ask", "One")
        home.run("ask", "-c", "Two")
        said = [m["content"][0]["text"]["value"] for m in server.threads["thread_1"]]
        assert said.count("Two") == 1


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"error": {"message": "no"}}])
def test_an_upload_without_an_id_is_never_named(home, answer):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        server.before = lambda r: Reply(body=answer) if r.path.endswith("/files") else None
        (home.path / "a.png").write_bytes(PICTURE)
        home.run("ask", "-f", "a.png", "See", code=None)
        home.run("threads", "copy", "@last", "--to", "r", code=7)
        assert not any("None" in str(r.body) for r in server.requests if r.method == "POST")


# Copies that go on


def refusing(server, refuses, reply):
    """Make a server refuse the additions for which something holds."""
    server.before = lambda r: (
        reply if r.method == "POST" and r.body and "files" not in r.path and refuses(r) else None
    )


def test_metadata_that_a_server_refuses_costs_nothing_but_itself(home):
    with profiles(home, {"a": ThreadsServer}):
        server = home.servers["a"]
        refusing(server, lambda r: "mood" in str(r.body), error(400, "Invalid 'metadata'"))
        picture = Image(FileRef(url="https://example.com/a.png"))
        said = [Message("m1", "user", (Text("Look"), picture), metadata={"mood": "good"})]
        _, thread = imported(home, said)
        target, err = home.run("threads", "copy", thread, "--to", "a")
        assert "as placeholders: 2 metadata pairs" in err
        [sent] = server.threads[target.strip()]
        assert (sent["metadata"], len(sent["content"])) == ({}, 2)


def test_a_text_that_is_too_long_for_a_gateway_stops_no_copy(home):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        refusing(server, lambda r: len(str(r.body)) > 5000, error(413, "Request Entity Too Large"))
        said = [*numbered(2), Message("m3", "user", (Text("x" * 6000),)), *numbered(1)]
        target, err = home.run("threads", "copy", imported(home, said)[1], "--to", "r")
        assert "placeholder" not in err
        sent = texts(server.conversations[target.strip()])
        assert sent == ["Text 0", "Text 1", "x" * 3000, "x" * 3000, "Text 0"]


def test_a_text_that_a_server_refuses_is_a_placeholder_and_what_follows_is_carried(home):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        refusing(server, lambda r: "Text 2" in str(r.body), error(400, "flagged by a filter"))
        target, err = home.run("threads", "copy", imported(home, numbered(4))[1], "--to", "r")
        assert "as placeholders: 1 text" in err
        assert texts(server.conversations[target.strip()]) == [
            "Text 0",
            "Text 1",
            "[text]",
            "Text 3",
        ]
        refusing(server, lambda r: True, error(400, "not today"))
        home.run("ask", "Other")
        home.run("threads", "copy", "@last", "--to", "r", code=1)  # no filter, and no placeholder
        assert "[text]" not in str([*server.conversations.values()][1:])


def test_a_refused_image_costs_no_words_and_no_other_file(home):
    with profiles(home, {"a": ThreadsServer}):
        server = home.servers["a"]
        refusing(
            server,
            lambda r: "'file_id': 'file-up1'" in str(r.body),
            error(400, "file-up1 is too large"),
        )
        url = f"data:image/png;base64,{b64encode(PICTURE).decode()}"
        other = f"data:image/png;base64,{b64encode(PICTURE + b'2').decode()}"
        words = "Many words. " * 200
        parts = (Text(words), Image(FileRef(url=url)), Image(FileRef(url=other)))
        _, thread = imported(home, [Message("m", "user", parts)])
        target, err = home.run("threads", "copy", thread, "--to", "a")
        assert "as placeholders: 1 image" in err
        content = server.threads[target.strip()][0]["content"]
        assert content[0]["text"]["value"] == words
        assert [part["type"] for part in content] == ["text", "text", "image_file"]


def test_a_long_text_beside_an_image_goes_in_pieces(home):
    with profiles(home, {"a": ThreadsServer}):
        parts = (Text("x" * 300_000), Image(FileRef(url="https://example.com/a.png")))
        _, thread = imported(home, [Message("m", "user", parts)])
        target, err = home.run("threads", "copy", thread, "--to", "a")
        assert "placeholder" not in err
        first, second = home.servers["a"].threads[target.strip()]
        assert len(first["content"][0]["text"]["value"]) == 256_000
        assert [part["type"] for part in second["content"]] == ["text", "image_url"]


def test_a_call_that_a_server_refuses_takes_its_answer_along(home):
    with profiles(home, {"r": Strict}):
        server = home.servers["r"]
        refusing(
            server, lambda r: "'type': 'function_call'," in str(r.body), error(400, "no calls here")
        )
        parts = (ToolCall("c1", "f", "{}"), ToolResult("c1", "42"), Text("Done"))
        _, thread = imported(home, [*numbered(1), Message("m", "assistant", parts)])
        target, err = home.run("threads", "copy", thread, "--to", "r")
        assert "as placeholders: 1 tool call, 1 tool result" in err
        said = texts(server.conversations[target.strip()])
        assert said == ["Text 0", "[tool call f]", "[tool result]", "Done"]


def test_a_reply_that_is_being_written_is_carried_by_the_next_run(home):
    with profiles(home, {"r": ResponsesServer}):
        home.run("ask", "One")
        home.chat.replies.append(Reply("The long answer to it", delay=0.4))
        process = home.start("ask", "-c", "Two")
        while not any("Two" in str(r.body) for r in home.chat.requests):
            time.sleep(0.05)
        target = home.run("threads", "copy", "@last", "--to", "r")[0].strip()
        process.communicate(timeout=60)
        items = home.servers["r"].conversations[target]
        assert texts(items) == ["One", "You said: One (1)", "Two"]
        home.run("threads", "copy", "@last", "--to", "r")
        assert texts(items)[-1] == "The long answer to it"


def test_a_text_longer_than_the_wire_takes_goes_in_pieces_and_on_from_there(home):
    with profiles(home, {"a": ThreadsServer}):
        server = home.servers["a"]
        whole = "".join(f"{n:>9} " for n in range(60_000))
        _, thread = imported(home, [*numbered(1), Message("m", "assistant", (Text(whole),))])
        stopped = [error(401, "The key has expired")]
        refusing(server, lambda r: len(server.threads.get("thread_1", "")) == 2 and stopped, None)
        server.before = lambda r: (
            stopped.pop()
            if stopped and r.method == "POST" and len(server.threads.get("thread_1", "")) == 2
            else None
        )
        home.run("threads", "copy", thread, "--to", "a", code=4)
        home.run("threads", "copy", thread, "--to", "a")
        sent = [m["content"][0]["text"]["value"] for m in server.threads["thread_1"]]
        assert [len(text) for text in sent] == [6, 256_000, 256_000, 88_000]
        assert "".join(sent[1:]) == whole


class Endless(ThreadsServer):
    """Has lists that begin anew whatever they are asked for."""

    def page(self, found, query):
        words = [word for word in query.split("&") if not word.startswith("after=")]
        return super().page(found, "&".join(words)) | {"has_more": len(found) > 100}


def test_a_list_that_ignores_after_lets_a_copy_go_on_where_nothing_is_on_its_way(home):
    with profiles(home, {"a": Endless}):
        path, thread = imported(home, numbered(120))
        home.run("threads", "copy", thread, "--to", "a")
        path.write_text(path.read_text().replace("Text 119", "Text 119"))
        home.run("ask", "-t", thread, "More")
        home.run("threads", "copy", thread, "--to", "a")
        assert len(home.servers["a"].threads["thread_1"]) == 122


def take_twice(server):
    """Make a server fail at its answer to the first messages, and hold them twice then."""
    late = []

    def after(request, reply):
        if request.method == "POST" and request.path.endswith("/items") and not late:
            late.append(server.conversations["conv_000001"])
            late[0] += [dict(item, id=f"late_{item['id']}") for item in late[0]]
            return error(500, "after all")
        return reply

    server.after = after


def test_a_copy_that_holds_a_message_twice_says_so_until_it_is_made_anew(home):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        take_twice(server)
        _, thread = imported(home, numbered(2))
        for code in (7, 6, 6):
            home.run("threads", "copy", thread, "--to", "r", code=code)
        home.run("threads", "delete", "conv_000001", "-y")
        home.run("threads", "copy", thread, "--to", "r")
        assert texts(server.conversations["conv_000001"]) == ["Text 0", "Text 1"]


def test_a_list_of_threads_that_breaks_copies_those_that_it_named(home):
    class Broken(ThreadsServer):
        form = "project"

        def answer(self, request):
            if request.path.partition("?")[0].endswith("/threads") and "after" in request.path:
                return error(500, "no more")
            return super().answer(request)

    with profiles(home, {"a": Broken, "r": ResponsesServer}):
        server = home.servers["a"]
        for _ in range(130):
            server.say(server.new_thread()["id"], "user", "Hello")
        home.run("threads", "copy", "--remote", "-p", "a", "--to", "r", code=7)
        assert len(home.servers["r"].conversations) == 100


def test_a_message_that_was_deleted_here_stops_no_copy(home):
    with profiles(home, {"r": ResponsesServer}):
        home.run("ask", "One")
        ids = [m["id"] for m in history(home, "@last")]
        target = home.run("threads", "copy", "@last", "--to", "r")[0].strip()
        home.run("threads", "delete", "@last", "--message", ids[-1], "-y")
        home.run("ask", "-c", "Two")
        home.run("threads", "copy", "@last", "--to", "r")
        items = home.servers["r"].conversations[target]
        assert texts(items) == ["One", "You said: One (1)", "Two", "You said: One\n\nTwo (1)"]


def test_what_arrived_of_a_thread_that_failed_is_counted(home):
    with profiles(home, {"r": ResponsesServer}):
        server = home.servers["r"]
        refusing(server, lambda r: "Text 25" in str(r.body), error(403, "no"))
        imported(home, numbered(30))
        home.run("ask", "Hello")
        err = home.run("threads", "copy", "--all", "--to", "r", code=4)[1]
        assert "22 messages of 1 thread copied" in err
        assert "1 thread failed" in err


def test_a_copy_that_goes_on_counts_what_it_carries_now(home):
    with profiles(home, {"r": ResponsesServer}):
        server, count = home.servers["r"], []
        thought = Reasoning("because")
        said = [Message(f"m{n}", "assistant", (Text(f"T{n}"), thought)) for n in range(25)]
        _, thread = imported(home, said)
        refusing(server, lambda r: count.append(1) or len(count) == 3, error(401, "expired"))
        home.run("threads", "copy", thread, "--to", "r", code=4)
        err = home.run("threads", "copy", thread, "--to", "r")[1]
        assert "5 messages of" in err
        assert "as placeholders: 5 reasonings" in err
        assert "placeholder" not in home.run("threads", "copy", thread, "--to", "r")[1]


def test_a_thread_is_not_deleted_while_a_copy_uses_its_uploads(home):
    with profiles(home, {"r": ResponsesServer}):
        server, deleting = home.servers["r"], []
        picture = Image(FileRef(url=f"data:image/png;base64,{b64encode(PICTURE).decode()}"))
        _, thread = imported(home, [Message("m", "user", (Text("Look"), picture))])
        first = home.run("threads", "copy", thread, "--to", "r")[0].strip()

        def before(request):
            if request.method == "POST" and "file_id" in str(request.body) and not deleting:
                deleting.append(home.start("threads", "delete", first, "-y"))
                time.sleep(0.5)  # as long as a deletion takes
                assert server.filing.deleted == []

        server.before = before
        other = home.run("threads", "fork", thread)[0].strip()
        copy = home.run("threads", "copy", other, "--to", "r", code=None)[0].strip()
        assert deleting[0].communicate(timeout=60) is not None
        assert server.filing.deleted == []
        assert server.conversations[copy][0]["content"][1]["file_id"] == "file-up1"
