"""A thread as a page: whole, of nothing but itself, and nothing in it becomes markup or script."""

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from asstctl.model import Message, Thread
from asstctl.parts import Citation, Code, FileRef, Image, Search, Text, ToolCall, ToolResult
from asstctl.render.page import STYLE, page
from tests.test_hostile import EVERYTHING

PICTURE = b"\x89PNG\r\n\x1a\n" + b"picture" * 9

EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "[x](javascript:alert(1)) [y](data:text/html,<script>1</script>) [z](vbscript:x)",
    "![p](http://evil.example/x.png) ![q](file:///etc/passwd)",
    "<!--</style><script>-->",
    "```html\n</code></pre><script>1</script>\n```",
    "<a href='http://evil.example' onclick=x>k</a>",
    "</title></head><body onload=alert(1)>",
    "&lt;script&gt; &#60;script&#62;",
    EVERYTHING,
]


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def harmless(text):
    """Demand that a page runs and loads nothing."""
    found = Elements(text).found
    allowed = {
        *(
            [
                "html",
                "head",
                "meta",
                "title",
                "style",
                "body",
                "header",
                "h1",
                "h2",
                "h3",
                "p",
                "main",
                "article",
                "div",
                "a",
                "pre",
                "code",
            ]
        ),
        *(
            [
                "details",
                "summary",
                "ol",
                "ul",
                "li",
                "q",
                "img",
                "table",
                "thead",
                "tbody",
                "tr",
                "td",
                "th",
                "strong",
                "em",
                "br",
                "hr",
                "nav",
            ]
        ),
        *(["blockquote", "h4", "h5", "h6"]),
    }
    for tag, attributes in found:
        assert tag in allowed, tag
        assert not any(name.startswith("on") for name in attributes), attributes
        assert set(attributes) <= {
            *(
                [
                    "charset",
                    "http-equiv",
                    "content",
                    "name",
                    "class",
                    "id",
                    "href",
                    "rel",
                    "src",
                    "alt",
                    "title",
                    "start",
                ]
            )
        }, attributes
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
        if "href" in attributes:
            assert re.match(r"https?://|#|mailto:|[\w.-]+\.html$", attributes["href"]), attributes


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_a_thread_becomes_markup_or_script(evil):
    citation = Citation("【4:0†a.pdf】", evil, evil, evil, evil)
    parts = (
        Text(f"{evil} 【4:0†a.pdf】", (citation, Citation("p", "f", "javascript:1", evil))),
        Code(evil, (Text(evil),)),
        Search(evil, (evil,), (citation,)),
        Image(FileRef(evil, evil, evil, "text/html")),
        ToolCall(evil, evil, evil),
        ToolResult(evil, evil),
    )
    thread = Thread(evil, "local", evil, evil, name=evil, title=evil)
    text = "".join(page(thread, [Message(evil, "user", parts)], lambda _: evil.encode()))
    harmless(text)
    assert text.count("<script") == 0


def test_a_page_allows_itself_its_style_and_pictures_alone():
    text = "".join(page(Thread("t", "local", "", ""), [], lambda _: None))
    found = Elements(text)
    [policy] = [a["content"] for t, a in found.found if a.get("http-equiv")]
    digest = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"'sha256-{digest}'" in policy
    assert STYLE in text


@pytest.fixture
def told(home, threads):
    threads.form = "project"
    threads.files = {"file_image": ("plot.png", "assistants_output", PICTURE)}
    home.use_threads(threads)
    home.run("ask", "Draw **this**")
    said = threads.say("thread_1", "assistant", "| a | b |\n|-|-|\n| 1 | 2 |\n\nSee 【4:0†a.pdf】")
    note = {"type": "url_citation", "text": "【4:0†a.pdf】"}
    note["url_citation"] = {"url": "https://example.org/a?b=1&c", "title": "A source"}
    said["content"][0]["text"]["annotations"] = [note]
    said["content"].append({"type": "image_file", "image_file": {"file_id": "file_image"}})
    return home


def test_a_page_has_the_pictures_the_sources_and_the_markdown_of_its_thread(told):
    told.run("threads", "export", "@last", "--format", "html", "-d", "out")
    text = (told.path / "out" / "thread_1.html").read_text()
    harmless(text)
    assert "<strong>this</strong>" in text
    assert "<td>1</td>" in text
    assert base64.b64encode(PICTURE).decode() in text
    assert '<a href="#m3-1">[1]</a>' in text
    assert (
        '<a href="https://example.org/a?b=1&amp;c" rel="noreferrer noopener">A source</a>' in text
    )
    assert told.run("threads", "history", "@last", "--format", "html")[0] == text
    assert (
        "1 unchanged" in told.run("threads", "export", "@last", "--format", "html", "-d", "out")[1]
    )


def test_all_threads_have_an_index(told):
    told.run("ask", "Another <b>")
    told.run("threads", "export", "--all", "--format", "html", "-d", "out")
    text = (told.path / "out" / "index.html").read_text()
    harmless(text)
    links = [a["href"] for t, a in Elements(text).found if t == "a"]
    assert sorted(links) == ["thread_1.html", "thread_2.html"]
    assert "Another &lt;b&gt;" in text
