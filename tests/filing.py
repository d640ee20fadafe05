"""Files of a server on loopback: uploaded, said, handed out, deleted."""

import time
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

NOW = 1_764_000_000


class Filing:
    """The `/files` of a server; `files` has name, purpose and contents by id."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self.uploads: list[str] = []  # ids of all that was ever uploaded
        self.deleted: list[str] = []
        self.made: dict[str, float] = {}  # when each was uploaded

    def answer(self, method: str, words: list[str], body: Any) -> tuple[int, Any]:
        """The status and the body of an answer; `words` is the path behind `files`."""
        match method, words:
            case "POST", []:
                identity = f"file-up{len(self.uploads) + 1}"
                self.uploads.append(identity)
                self.made[identity] = time.time()
                self.files[identity] = (body["filename"], body["purpose"], body["content"])
                return 200, self.facts(identity)
            case "GET", []:
                listed = [self.facts(identity) for identity in self.files]
                return 200, {"object": "list", "data": listed, "has_more": False}
            case _, [identity, *_] if identity not in self.files:
                return 404, {"error": {"message": f"No such File object: {identity}"}}
            case "DELETE", [identity]:
                del self.files[identity]
                self.deleted.append(identity)
                return 200, {"id": identity, "object": "file", "deleted": True}
            case "GET", [identity]:
                return 200, self.facts(identity)
            case "GET", [identity, "content"]:
                _, purpose, data = self.files[identity]
                if purpose == "assistants":
                    words_ = "Not allowed to download files of purpose: assistants"
                    return 400, {"error": {"message": words_}}
                return 200, data
        return 404, {"error": {"message": "no route"}}

    def facts(self, identity: str) -> dict:
        name, purpose, data = self.files[identity]
        facts = {"id": identity, "object": "file", "bytes": len(data)}
        facts["created_at"] = int(self.made.get(identity, NOW))
        return facts | {"filename": name, "purpose": purpose, "status": "processed"}


def multipart(content_type: str, data: bytes) -> dict[str, Any]:
    """Read an upload: its purpose, its file's name and contents."""
    head = f"content-type: {content_type}\r\n\r\n".encode()
    whole = BytesParser(policy=HTTP).parsebytes(head + data)
    found: dict[str, Any] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            found["filename"] = part.get_filename()
            found["content"] = part.get_payload(decode=True)
        else:
            found[name] = part.get_payload(decode=True).decode()
    return found
