"""A thread as one page of HTML: nothing in it becomes markup or script, nothing is loaded.

Words are read as Markdown without HTML; images are data URLs or names; all else is escaped.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from asstctl.endings import STATUS_WORDS
from asstctl.model import Message, Thread, instant
from asstctl.parts import (
    Citation,
    Code,
    Contents,
    File,
    FileRef,
    Image,
    Part,
    Reasoning,
    Refusal,
    Search,
    Text,
    ToolCall,
    ToolResult,
    picture,
    words,
)

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
* { box-sizing: border-box; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
header h1 { font-size: 1.3rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
header p, .who { color: GrayText; font-size: .85rem; margin: 0; overflow-wrap: anywhere; }
article { border-top: 1px solid var(--line); padding: 1rem 0; overflow-wrap: anywhere; }
article.user > .said { background: var(--soft); border-radius: .5rem; padding: .1rem .8rem; }
pre { background: var(--soft); border-radius: .4rem; padding: .7rem; overflow-x: auto; }
code { font: .88em ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: .2rem .6rem; }
blockquote { border-left: 3px solid var(--line); margin: 0; padding-left: 1rem; }
img { max-width: 100%; height: auto; border-radius: .4rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .6rem 0; }
details { padding: .3rem .8rem; }
summary { cursor: pointer; font-size: .9rem; }
ol.sources { font-size: .85rem; border-top: 1px dotted var(--line); padding-top: .4rem; }
nav li { margin: .4rem 0; }
@media print { body { max-width: none; } article { break-inside: avoid; } }
"""

HASH = b64encode(sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{HASH}'; base-uri 'none';"
    " form-action 'none'"
)
"""The page's own rule for what a browser may load and run: pictures within it, and its style."""


def page(thread: Thread, messages: Iterable[Message], contents: Contents) -> Iterator[str]:
    """Yield a thread as a page, message by message."""
    title = thread.title or thread.id
    yield _head(title)
    facts = (thread.id, thread.name, thread.endpoint or "on this machine")
    told = " · ".join(escape(fact) for fact in facts if fact)
    yield f"<header><h1>{escape(title)}</h1><p>{told}</p></header>\n<main>\n"
    for number, message in enumerate(messages, 1):
        if not message.parts or any(map(words, message.parts)):
            yield _article(number, message, contents)
    yield "</main>\n</body></html>\n"


def index(entries: Sequence[tuple[str, Thread, int]]) -> Iterator[str]:
    """Yield a page that leads to others: their files, threads and numbers of messages."""
    yield _head("Threads")
    yield "<header><h1>Threads</h1></header>\n<nav><ul>\n"
    for path, thread, count in entries:
        title = escape(thread.title or thread.id)
        when = instant(int(thread.said_at or thread.created_at))
        link = f'<a href="{escape(path, quote=True)}">{title}</a>'
        yield f'<li>{link}<p class="who">{escape(thread.id)} · {when} · {count} messages</p></li>\n'
    yield "</ul></nav>\n</body></html>\n"


def _head(title: str) -> str:
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
    )


def _article(number: int, message: Message, contents: Contents) -> str:
    when = "" if message.created_at is None else instant(int(message.created_at))
    who = " · ".join(filter(None, (message.role, when, STATUS_WORDS[message.status].strip(", "))))
    sources: list[Citation] = []
    parts = "\n".join(_part(part, number, sources, contents) for part in message.parts)
    notes = _notes(number, sources)
    role = "user" if message.role == "user" else "other"
    return (
        f'<article class="{role}" id="m{number}"><p class="who">{escape(who)}</p>'
        f'<div class="said">{parts}</div>{notes}</article>\n'
    )


def _part(  # noqa: PLR0911 - one for each kind
    part: Part, number: int, sources: list[Citation], contents: Contents
) -> str:
    match part:
        case Text(text, citations):
            return _cited(text, citations, number, sources)
        case Refusal(text):
            return _markdown(text)
        case Image(file):
            return _picture(file, contents)
        case File(file):
            return f"<p>{escape(file.label)}</p>"
        case Code(code, outputs):
            shown = "\n".join(_part(output, number, sources, contents) for output in outputs)
            return _folded("code", f"<pre><code>{escape(code)}</code></pre>{shown}")
        case Search(kind, queries, results):
            asked = "".join(f"<p>{escape(query)}</p>" for query in queries)
            found = "".join(f"<li>{_source(one)}</li>" for one in results)
            return _folded(kind.replace("_", " "), f"{asked}<ul>{found}</ul>")
        case Reasoning(text):
            return _folded("reasoning", _markdown(text))
        case ToolCall() | ToolResult():
            name = "a call" if isinstance(part, ToolCall) else "an answer to a call"
            return _folded(name, f"<pre>{escape(words(part))}</pre>")
        case other:
            return _folded("more", f"<pre>{escape(words(other))}</pre>")


def _folded(name: str, inside: str) -> str:
    return f"<details><summary>{escape(name)}</summary>{inside}</details>"


def _cited(text: str, citations: Sequence[Citation], number: int, sources: list[Citation]) -> str:
    """Return words with a link to its source in the place of each marker."""
    shown = _markdown(text)
    for citation in citations:
        if citation not in sources:
            sources.append(citation)
        place = sources.index(citation) + 1
        if "【" in citation.marker:  # else it could be a piece of our own markup
            link = f'<a href="#m{number}-{place}">[{place}]</a>'
            shown = shown.replace(escape(citation.marker, quote=False), link)
    return shown


def _notes(number: int, sources: Sequence[Citation]) -> str:
    if not sources:
        return ""
    listed = (f'<li id="m{number}-{n}">{_source(s)}</li>' for n, s in enumerate(sources, 1))
    return f'<ol class="sources">{"".join(listed)}</ol>'


def _source(found: Citation) -> str:
    title = escape(found.title or found.url or found.id)
    safe = re.match(r"https?://", found.url, re.IGNORECASE)
    url = escape(found.url, quote=True)
    named = f'<a href="{url}" rel="noreferrer noopener">{title}</a>' if safe else title
    return named + (f" <q>{escape(found.quote)}</q>" if found.quote else "")


def _picture(file: FileRef, contents: Contents) -> str:
    data = contents(file)
    kind = picture(data or b"")
    label = escape(file.label or "image", quote=True)
    if not data or not kind:
        return f"<p>[{label}]</p>"
    return f'<p><img alt="{label}" src="data:image/{kind};base64,{b64encode(data).decode()}"></p>'


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.add_render_rule("image", _named)
    return parser


def _named(_: RendererHTML, tokens: Sequence[Token], place: int, *_others: object) -> str:
    """Return a picture that the words name as its words: nothing is loaded."""
    token = tokens[place]
    return f"[{escape(token.content or str(token.attrGet('src') or 'image'))}]"


def _markdown(text: str) -> str:
    """Return words as HTML, as Markdown without HTML of its own."""
    shown: str = _parser().render(text)
    return shown
