"""Files of messages and replies are kept once by their hash, and exported beside the JSON."""

import base64
import json
import stat
from hashlib import sha256

import pytest

from tests.servers import Reply, error

PICTURE = b"\x89PNG picture" * 1000
REPORT = b"a,b\n1,2\n"


def digest(data):
    return sha256(data).hexdigest()


@pytest.fixture
def drawn(home, threads):
    """A thread with an image, an attachment, a file of the assistant's and one that is refused."""
    threads.form = "project"
    threads.files = {
        "file_image": ("plot.png", "assistants_output", PICTURE),
        "file_report": ("report.csv", "assistants_output", REPORT),
        "file_upload": ("secret.pdf", "assistants", b"theirs"),
    }
    home.use_threads(threads)
    home.run("ask", "Draw")
    said = threads.say("thread_1", "assistant", "Here")
    said["content"].append({"type": "image_file", "image_file": {"file_id": "file_image"}})
    said["content"][0]["text"]["annotations"] = [
        {
            "type": "file_path",
            "text": "sandbox:/report.csv",
            "start_index": 0,
            "end_index": 4,
            "file_path": {"file_id": "file_report"},
        },
        {
            "type": "file_citation",
            "text": "【4:0†cited.pdf】",
            "start_index": 0,
            "end_index": 4,
            "file_citation": {"file_id": "file_cited"},
        },
    ]
    asked = threads.say("thread_1", "user", "See this")
    asked["attachments"] = [{"file_id": "file_upload", "tools": [{"type": "file_search"}]}]
    asked["content"].append({"type": "image_url", "image_url": {"url": "https://evil.example/x"}})
    return home


def test_files_are_kept_once_and_what_is_refused_is_missing(drawn, threads):
    out = drawn.run("threads", "fetch", "@last")[0].splitlines()
    facts = dict(zip(out[0].split("\t"), out[1].split("\t"), strict=True))
    assert facts["files"] == "2"
    assert facts["missing"] == "file_upload: Not allowed to download files of purpose: assistants"
    for data in (PICTURE, REPORT):
        path = drawn.data / "files" / digest(data)[:2] / digest(data)
        assert path.read_bytes() == data
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    asked = [r.path for r in threads.requests if "/files/" in r.path]
    assert not any("file_cited" in path for path in asked)  # a search's source is no message's
    out = drawn.run("threads", "fetch", "@last")[0].splitlines()
    assert [r.path for r in threads.requests if "/files/" in r.path] == asked  # asked for no more
    assert "\t0\t" in out[1]


def test_an_export_has_the_contents_beside_it_and_import_takes_them_back(drawn, threads):
    drawn.run("threads", "export", "@last", "-d", "out")
    found = json.loads((drawn.path / "out" / "thread_1.json").read_text())
    by_id = {one["id"]: one for one in found["files"]}
    assert by_id["file_image"]["name"] == "plot.png"
    assert by_id["file_image"]["size"] == len(PICTURE)
    assert by_id["file_image"]["path"] == f"files/{digest(PICTURE)}"
    assert "Not allowed" in by_id["file_upload"]["missing"]
    assert (drawn.path / "out" / "files" / digest(PICTURE)).read_bytes() == PICTURE
    drawn.run("threads", "delete", "@last", "-y")
    assert not [path for path in (drawn.data / "files").rglob("*") if path.is_file()]
    drawn.run("-p", "local", "threads", "import", str(drawn.path / "out" / "thread_1.json"))
    kept = drawn.data / "files" / digest(PICTURE)[:2] / digest(PICTURE)
    assert kept.read_bytes() == PICTURE


def test_a_file_that_two_threads_name_goes_with_the_last_one(drawn, threads):
    threads.new_thread()
    said = threads.say("thread_2", "user", "The same")
    said["attachments"] = [{"file_id": "file_image", "tools": []}]
    drawn.run("threads", "add", "thread_2")
    drawn.run("threads", "fetch", "--all")
    path = drawn.data / "files" / digest(PICTURE)[:2] / digest(PICTURE)
    drawn.run("threads", "delete", "thread_1", "-y")
    assert path.exists()
    drawn.run("threads", "delete", "thread_2", "-y")
    assert not path.exists()


def test_no_files_leaves_them_and_what_lies_there(drawn):
    assert "\t0\t" in drawn.run("threads", "fetch", "@last", "--no-files")[0]
    assert not (drawn.data / "files").exists()
    drawn.run("threads", "fetch", "@last")
    drawn.run("threads", "fetch", "@last", "--no-files")
    assert len([path for path in (drawn.data / "files").rglob("*") if path.is_file()]) == 2


def test_a_file_above_max_file_is_missing_and_had_with_a_larger_one(drawn):
    out = drawn.run("threads", "fetch", "@last", ASSTCTL_MAX_FILE="0.001")[0]
    assert "file_image: larger than max_file" in out
    assert "\t1\t" in drawn.run("threads", "fetch", "@last")[0].splitlines()[1]


def test_a_busy_server_of_files_is_worth_another_try(drawn, threads):
    def before(request):
        return error(503, "busy") if "/files/" in request.path else None

    threads.before = before
    drawn.run("threads", "fetch", "@last", code=7)
    threads.before = lambda _: None
    assert "\t2\t" in drawn.run("threads", "fetch", "@last")[0].splitlines()[1]


def test_a_redirect_takes_no_key_elsewhere(drawn, threads, server):
    def before(request):
        if "/files/" not in request.path:
            return None
        moved = error(302, "moved")
        moved.headers["location"] = f"{server.url}/files/x"
        return moved

    threads.before = before
    drawn.run("threads", "fetch", "@last", code=None)
    assert server.requests == []


def test_images_in_the_stream_and_data_urls_are_kept_as_files(home, responses):
    home.use_threads(responses)
    thread = home.run("threads", "new")[0].strip()
    encoded = base64.b64encode(PICTURE).decode()
    responses.conversations[thread] += [
        {
            "id": "m1",
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": f"data:image/jpeg;base64,{encoded}"},
                {"type": "input_image", "image_url": "data:image/png;base64,!!!"},
            ],
        },
        {
            "id": "ig1",
            "type": "image_generation_call",
            "status": "completed",
            "result": base64.b64encode(REPORT).decode(),
        },
    ]
    home.run("threads", "export", thread, "-d", "out")
    found = json.loads((home.path / "out" / f"{thread}.json").read_text())
    assert {(f["sha256"], f["media_type"]) for f in found["files"]} == {
        (digest(PICTURE), "image/jpeg"),
        (digest(REPORT), "image/png"),
    }
    assert (home.path / "out" / "files" / digest(REPORT)).read_bytes() == REPORT
    out = home.run("threads", "history", thread)[0]
    assert "[image data:image/jpeg]" in out
    assert "[image ig1]" in out


# Files within objects


def generated(picture):
    result = base64.b64encode(picture).decode()
    return {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": result}


def test_an_image_in_a_reply_is_kept_once_by_its_hash_and_not_in_the_database(home, responses):
    home.use_threads(responses)
    home.run("ask", "Draw")
    url = "data:image/png;base64," + base64.b64encode(PICTURE + b"2").decode()
    shown = {"type": "message", "role": "user", "content": [{"type": "input_image"}]}
    shown["content"][0]["image_url"] = url
    responses.conversations["conv_000001"] += map(responses.item, (generated(PICTURE), shown))
    facts = home.run("threads", "fetch", "@last")[0].splitlines()
    assert dict(zip(facts[0].split("\t"), facts[1].split("\t"), strict=True))["files"] == "2"
    stored = (home.data / "threads.db").read_bytes()
    assert b"x9PNG" not in stored
    assert (home.data / "threads.db").stat().st_size < len(PICTURE) * 12
    for _ in range(2):
        home.run("threads", "export", "@last", "-d", "out")
    found = json.loads((home.path / "out" / "conv_000001.json").read_text())
    image, picture = found["messages"][-2:]
    assert image["raw"]["result"] == f"sha256:{digest(PICTURE)}"
    link = picture["raw"]["content"][0]["image_url"]
    assert link == f"data:image/png;base64,sha256:{digest(PICTURE + b'2')}"
    assert picture["parts"][0]["file"]["sha256"] == digest(PICTURE + b"2")
    for data in (PICTURE, PICTURE + b"2"):
        assert (home.path / "out" / "files" / digest(data)).read_bytes() == data


def test_a_file_of_a_container_is_fetched_where_the_container_has_it(home, responses):
    home.use_threads(responses)
    home.run("ask", "Make a table")
    note = {
        "type": "container_file_citation",
        "container_id": "cntr_1",
        "file_id": "cfile_1",
        "filename": "a.csv",
        "start_index": 0,
        "end_index": 0,
    }
    item = responses.conversations["conv_000001"][-1]
    item["content"][0]["annotations"] = [note]

    def before(request):
        match request.path.partition("?")[0]:
            case "/v1/containers/cntr_1/files/cfile_1":
                facts = {"id": "cfile_1", "path": "/mnt/data/a.csv", "bytes": len(REPORT)}
                return Reply(body=facts | {"object": "container.file", "container_id": "cntr_1"})
            case "/v1/containers/cntr_1/files/cfile_1/content":
                return Reply(body=REPORT, content_type="application/octet-stream")
        return None

    responses.before = before
    made = responses.told

    def told(identity, reply):
        events = made(identity, reply)
        responses.responses[identity]["will_say"]["content"][0]["annotations"] = [note]
        return events

    responses.told = told
    home.run("ask", "-c", "Another table")  # a container ends soon, so its files are kept at once
    path = home.data / "files" / digest(REPORT)[:2] / digest(REPORT)
    assert path.read_bytes() == REPORT
    home.run("threads", "export", "@last", "-d", "out")
    found = json.loads((home.path / "out" / "conv_000001.json").read_text())
    assert found["files"][0]["name"] == "a.csv"
    assert (home.path / "out" / "files" / digest(REPORT)).read_bytes() == REPORT
