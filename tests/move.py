"""A whole project moved, with the process killed on the way: `python -m tests.move`.

A threads server with threads of every kind is fetched and stopped; all of it is copied to a
Responses server by a process that is killed again and again, then to this machine, and back.
What arrived is counted on the servers, not by what the program says. Exit 1 where anything is
lost, doubled or out of order.
"""

import random
import re
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.conftest import Home
from tests.filing import NOW
from tests.responses_server import ResponsesServer
from tests.servers import ThreadsServer
from tests.test_moving import profiles

THREADS, KILLS = 200, 20

PNG = b"\x89PNG\r\n\x1a\n"


class Project(ThreadsServer):
    form = "project"


def fill(server: ThreadsServer) -> None:
    """Fill a server with threads of every kind."""
    chance = random.Random(13)
    for number in range(THREADS):
        thread = server.new_thread({"number": str(number)})["id"]
        for turn in range(1000 if number == 0 else chance.randrange(1, 10)):
            asked = server.say(thread, "user", f"Prompt {number}.{turn}")
            reply = server.say(thread, "assistant", f"Reply {number}.{turn} 汉字 🙂")
            if turn:
                continue
            kind = number % 8
            if kind == 1:
                server.files[f"file_i{number}"] = (f"{number}.png", "vision", PNG + bytes([number]))
                image = {"type": "image_file", "image_file": {"file_id": f"file_i{number}"}}
                asked["content"].append(image)
            elif kind in (2, 3):
                purpose = "user_data" if kind == 2 else "assistants"  # nobody may read the latter
                server.files[f"file_d{number}"] = (f"{number}.csv", purpose, b"%d\n" % number)
                asked["attachments"] = [
                    {"file_id": f"file_d{number}", "tools": [{"type": "code_interpreter"}]}
                ]
            elif kind == 4:
                text = reply["content"][0]["text"]
                text["value"] += " 【1†a】"
                text["annotations"] = [
                    {
                        "type": "file_citation",
                        "text": "【1†a】",
                        "start_index": len(text["value"]) - 5,
                        "end_index": len(text["value"]),
                        "file_citation": {"file_id": "file_source"},
                    }
                ]
            elif kind == 5:
                run = {"id": f"run_{number}", "object": "thread.run", "created_at": NOW}
                server.runs[thread].append(run | {"status": "completed", "thread_id": thread})
                reply["run_id"] = run["id"]
                server.steps[run["id"]] = [{"id": f"step_{number}", "object": "thread.run.step"}]


def expected(server: ThreadsServer) -> list[list[str]]:
    return [[text_of(one) for one in messages] for messages in server.threads.values()]


def text_of(message: dict) -> str:
    texts = (part["text"]["value"] for part in message["content"] if part["type"] == "text")
    return "".join(texts)


def arrived(server: ResponsesServer) -> list[list[str]]:
    """The texts of each conversation, without those that are empty."""
    found = [
        ["".join(p["text"] for p in item["content"] if "text" in p) for item in items]
        for items in server.conversations.values()
        if items
    ]
    return [[re.sub(r"\n*\[file .*\]", "", text) for text in texts] for texts in found]


def kinds_in(server: ResponsesServer) -> Counter:
    parts = [p for items in server.conversations.values() for i in items for p in i["content"]]
    found = Counter(part["type"] for part in parts)
    found["annotations"] = sum(len(part.get("annotations") or []) for part in parts)
    found["placeholders"] = sum("[file " in part.get("text", "") for part in parts)
    return found


def killed(home: Home, server: ResponsesServer, words: tuple[str, ...]) -> int:
    """Run a command, killed after a random number of requests, again and again; return how often."""
    chance, kills = random.Random(20), 0
    left, process = [0], []

    def after(_, reply):
        left[0] -= 1
        if left[0] == 0 and process[-1].poll() is None:
            process[-1].kill()
            process[-1].wait()
        return reply

    server.after = after
    while kills < KILLS:
        left[0] = chance.randrange(1, 40)
        process.append(home.start(*words))
        out, err = process[-1].communicate()
        if process[-1].returncode != -signal.SIGKILL:
            raise SystemExit(f"{words} ended with {process[-1].returncode}: {(out + err).decode()}")
        kills += 1
    server.after = lambda _, reply: reply
    return kills


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        with profiles(home, {"t": Project, "r": ResponsesServer, "back": ResponsesServer}):
            threads, target, back = (home.servers[name] for name in ("t", "r", "back"))
            fill(threads)
            wanted = expected(threads)
            print(f"{len(wanted)} threads, {sum(map(len, wanted))} messages")

            def run(*words: str) -> None:
                print("$ asstctl", *words)
                _, err = home.run(*words, code=None, timeout=600)
                lines = err.splitlines()
                print(
                    *(line for line in lines if " threads copied; " in line), *lines[-2:], sep="\n"
                )

            run("threads", "fetch", "--remote", "-p", "t")
            threads.__exit__()  # the server is gone
            words = ("threads", "copy", "--all", "--to", "r")
            print("$ asstctl", *words, "  # killed", killed(home, target, words), "times")
            run(*words)
            run(*words)
            first = arrived(target)
            print(
                "at the Responses server:",
                dict(kinds_in(target)),
                "uploads",
                len(target.filing.files),
            )
            print("empty conversations:", sum(not i for i in target.conversations.values()))
            listed = ("threads", "list", "-q", "--limit", "1000")
            copies = home.run(*listed, "-p", "r")[0].split()
            home.run("threads", "copy", *copies, "--to", "default", timeout=600)
            ids = home.run(*listed, "--backend", "local")[0].split()
            for identity in ids[:20]:
                home.run("threads", "copy", identity, "--to", "back")
            print(
                f"{len(ids)} threads here, 20 of them back: {sum(map(len, arrived(back)))} messages"
            )
            whole = sorted(first) == sorted(wanted)
            print("each message once and in order:", whole)
            return 0 if whole and all(texts in wanted for texts in arrived(back)) else 1


if __name__ == "__main__":
    sys.exit(main())
