"""Signing in: keys from commands and keyrings, Entra's tokens, and what is said without them."""

import json
import stat
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from asstctl.credentials.keys import Signing, Tokens
from tests.responses_server import ResponsesServer
from tests.terminal import Screen

KEYRING = '''
import json, os
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    """Keeps passwords in a file."""
    priority = 1
    path = os.environ["KEYS"]
    def _all(self):
        return json.load(open(self.path)) if os.path.exists(self.path) else {}
    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")
    def set_password(self, service, username, password):
        kept = self._all() | {f"{service}/{username}": password}
        json.dump(kept, open(self.path, "w"))
    def delete_password(self, service, username):
        kept = self._all()
        del kept[f"{service}/{username}"]
        json.dump(kept, open(self.path, "w"))
'''


@pytest.fixture
def project():
    class Project(ResponsesServer):
        form = "project"

    with Project() as running:
        yield running


@pytest.fixture
def keyring(home):
    (home.path / "filekeyring.py").write_text(KEYRING)
    home.environment |= {
        "PYTHONPATH": str(home.path),
        "PYTHON_KEYRING_BACKEND": "filekeyring.Keyring",
        "KEYS": str(home.path / "keys.json"),
    }
    return home.path / "keys.json"


def keyless(home, server, **settings):
    home.use_threads(server, **settings)
    home.run("config", "unset", "api_key_env")


def signed(server):
    return [r.headers.get("authorization") or r.headers.get("api-key") for r in server.requests]


# A command


def test_a_key_that_ran_out_is_fetched_again_from_its_command(home, project):
    script = home.path / "token"
    script.write_text(
        "#!/bin/sh\necho x >> count\nif [ $(wc -l < count) = 1 ]; then echo old; else echo new; fi\n"
    )
    script.chmod(0o755)
    project.keys = ("old",)
    keyless(home, project)
    home.run("config", "set", "api_key_command", str(script))
    process = home.start("chat", stdin=-1)
    process.stdin.write(b"One\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"You said: One (1)\n"
    project.keys = ("new",)  # an hour later
    out, _ = process.communicate(b"Two\nexit\n", timeout=20)
    assert (process.returncode, out) == (0, b"You said: Two (3)\n")
    assert signed(project) == ["Bearer old"] * 3 + ["Bearer new"]
    assert len((home.path / "count").read_text().splitlines()) == 2


def test_a_refused_key_is_not_asked_for_for_ever(home, project):
    keyless(home, project)
    home.run("config", "set", "api_key_command", "sh -c 'echo x >> count; echo wrong'")
    err = home.run("ask", "x", code=4)[1]
    assert err.startswith("asstctl: Incorrect API key provided (HTTP 401)")
    assert len((home.path / "count").read_text().splitlines()) == 2
    assert len(project.requests) == 1


# The keyring


def test_the_keyring_holds_a_key_for_one_profile_and_origin(home, project, keyring):
    keyless(home, project)
    err = home.run("config", "key", "set", stdin=b"canary\n")[1]
    assert err == f"asstctl: the keyring holds the key for {project.url}\n"
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"
    assert set(signed(project)) == {"Bearer canary"}
    assert "canary" not in home.config.read_text()
    assert stat.S_IMODE(home.config.stat().st_mode) == 0o600
    assert list(json.loads(keyring.read_text())) == [
        f"asstctl/default {project.origin}",
    ]
    home.run("config", "set", "endpoint", "http://127.0.0.1:9/api/projects/p")
    err = home.run("ask", "Hello", code=3)[1]
    assert "the keyring has no key for default http://127.0.0.1:9" in err
    assert "hint: asstctl config key set" in err


def test_a_deleted_key_is_gone_and_the_profile_no_longer_asks_for_it(home, project, keyring):
    keyless(home, project)
    home.run("config", "key", "set", stdin=b"canary\n")
    home.run("config", "key", "delete")
    assert json.loads(keyring.read_text()) == {}
    assert "keyring" not in home.config.read_text()
    assert "has no key" in home.run("config", "key", "delete", code=3)[1]


def test_a_key_is_typed_unseen(home, project, keyring):
    keyless(home, project)
    with Screen(home, "config", "key", "set") as screen:
        screen.wait_for("Key for")
        screen.type("canary\r")
        assert screen.end() == 0
        assert "canary" not in screen.text()
    assert "canary" in keyring.read_text()


def test_no_key_is_kept_where_none_is_given(home, project, keyring):
    keyless(home, project)
    assert "no key was given" in home.run("config", "key", "set", stdin=b" \n", code=3)[1]
    assert not keyring.exists()


def test_a_keyring_that_is_locked_is_one_clear_line(home, project):
    keyless(home, project)
    home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    err = home.run("config", "key", "set", stdin=b"canary", code=3)[1]
    assert err.startswith("asstctl: the system's keyring can't be used: ")
    assert len(err.splitlines()) == 2
    assert "canary" not in err


# Entra


class TokenServer:
    """A managed identity's endpoint, as App Service has it; tokens hold for ten seconds."""

    def __init__(self):
        self.asked = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                asked.append(self.path)
                ends = str(int(time.time()) + 10)
                token = {"access_token": f"token{len(asked)}", "expires_on": ends}
                body = json.dumps({**token, "token_type": "Bearer", "resource": "r"}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/token"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


@pytest.mark.parametrize(
    ("backend", "path", "resource"),
    [
        ("responses", "/api/projects/p", "https://ai.azure.com"),
        ("assistants", "/api/projects/p", "https://ai.azure.com"),
        ("assistants", "", "https://cognitiveservices.azure.com"),
    ],
)
def test_entras_tokens_are_for_the_service_that_is_asked(home, project, backend, path, resource):
    home.configure(
        f'backend = "{backend}"\nendpoint = "{project.origin}{path}"\nauth = "entra"\nmodel = "test"\n'
        'assistant_id = "a"\napi_version = "v1"\n'
    )
    with TokenServer() as tokens:
        identity = {"IDENTITY_ENDPOINT": tokens.url, "IDENTITY_HEADER": "h"}
        home.run("ask", "x", code=None, **identity)
    assert tokens.asked[0].endswith(f"resource={resource}")
    assert project.requests[0].headers["authorization"] == "Bearer token1"
    assert "api-key" not in project.requests[0].headers


def test_tokens_are_refreshed_in_a_long_chat(home, project):
    keyless(home, project, auth="entra")
    project.keys = tuple(f"token{n}" for n in range(10))
    with TokenServer() as tokens:
        identity = {"IDENTITY_ENDPOINT": tokens.url, "IDENTITY_HEADER": "h"}
        out = home.run("chat", stdin=b"One\nTwo\nexit\n", **identity)[0]
    assert out == "You said: One (1)\nYou said: Two (3)\n"
    assert len(set(signed(project))) > 1


def test_without_a_way_to_sign_in_entra_is_one_line_and_what_to_do(home, project):
    keyless(home, project, auth="entra")
    out, err = home.run("ask", "x", code=4, PATH="/nonexistent")
    assert out == ""
    assert err.splitlines() == [
        "asstctl: no token from Entra: AzureCliCredential: Azure CLI not found on path",
        "hint: az login signs in; az account show says who is",
    ]
    assert not project.requests


def test_a_token_is_never_sent_in_the_clear(home):
    home.configure(
        'backend = "responses"\nendpoint = "http://models.example/v1"\nmodel = "m"\nauth = "entra"\n'
    )
    assert "no key is sent over plain http" in home.run("ask", "x", code=3)[1]


@pytest.mark.parametrize(
    ("package", "extra", "settings"),
    [("keyring", "keyring", "api_key_keyring = true"), ("azure", "azure", 'auth = "entra"')],
)
def test_a_missing_extra_is_an_error_that_names_the_pip_command(home, package, extra, settings):
    home.configure(
        f'backend = "responses"\nendpoint = "https://models.example/v1"\nmodel = "m"\n{settings}\n'
    )
    without = (
        f"import sys; sys.modules[{package!r}] = None; from asstctl.__main__ import run; run()"
    )
    home.arguments = lambda *words: [sys.executable, "-c", without, *words]
    err = home.run("ask", "x", code=3)[1]
    assert f"needs the extra '{extra}'" in err
    assert f" -m pip install 'asstctl[{extra}]'" in err


def test_a_wrong_way_of_signing_in_is_refused(home):
    err = home.run("config", "set", "auth", "magic", code=3)[1]
    assert "auth in the command line must be one of key, entra, not 'magic'" in err


def test_a_command_never_reads_the_prompts(home, project):
    keyless(home, project)
    home.run("config", "set", "api_key_command", "sh -c 'cat >/dev/null; echo canary'")
    out = home.run("chat", stdin=b"One\nTwo\n")[0]
    assert out == "You said: One (1)\nYou said: Two (3)\n"


@pytest.mark.parametrize(
    "env", [{"AZURE_TOKEN_CREDENTIALS": "bogus"}, {"AZURE_AUTHORITY_HOST": "http://x"}]
)
def test_a_wrong_variable_of_entras_is_one_line(home, project, env):
    keyless(home, project, auth="entra")
    err = home.run("ask", "x", code=None, PATH="/nonexistent", **env)[1]
    assert err.startswith(("asstctl: can't sign in with Entra: ", "asstctl: no token from Entra: "))


def test_a_keyring_that_is_not_there_is_one_line(home, project):
    keyless(home, project)
    home.environment["PYTHON_KEYRING_BACKEND"] = "nope.Keyring"
    err = home.run("config", "key", "set", stdin=b"canary", code=3)[1]
    assert err.startswith("asstctl: the system's keyring can't be used: ")


def test_a_key_that_would_not_be_used_is_not_kept(home, project, keyring):
    home.use_threads(project)
    err = home.run("config", "key", "set", stdin=b"canary", code=3)[1]
    assert "api_key_env is set, and comes before the keyring" in err
    assert not keyring.exists()


@pytest.mark.parametrize("renewable", [True, False])
def test_a_key_is_fetched_again_only_where_another_one_may_come(renewable):
    fetched = []

    def fetch():
        fetched.append(f"key {len(fetched)}")
        return fetched[-1]

    signing = Signing("api-key", "", fetch, renewable=renewable)
    assert signing.headers() == {"api-key": "key 0"}
    assert signing.renew() is renewable
    assert len(fetched) == (2 if renewable else 1)
    assert not Tokens(fetch).renew()
