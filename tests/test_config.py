"""Settings: layers, profiles, the file, `asstctl config`."""

import json
import os
import stat
from pathlib import Path

import platformdirs
import pytest

from asstctl import _folders, config
from asstctl.errors import ConfigError
from tests.terminal import Screen


def settings(tmp_path, text="", profile=None, flags=None, **environment):
    path = tmp_path / "config.toml"
    path.write_text(text)
    return config.load(path, profile, environment, flags).settings()


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default(tmp_path):
    text = 'model = "file"\n'
    assert config.PRECEDENCE == ("command line", "environment", "file", "default")
    found = settings(tmp_path, text, flags={"model": "flag"}, ASSTCTL_MODEL="variable")
    assert (found.model, found.origins["model"]) == ("flag", "command line")
    found = settings(tmp_path, text, ASSTCTL_MODEL="variable")
    assert (found.model, found.origins["model"]) == ("variable", "ASSTCTL_MODEL")
    found = settings(tmp_path, text)
    assert (found.model, found.origins["model"]) == ("file", str(tmp_path / "config.toml"))
    assert (found.timeout, found.origins["timeout"]) == (120.0, "default")


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/home/a"},
        {"HOME": "/home/a", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d"},
        {"HOME": "/", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "/d/"},
    ],
)
def test_the_folders_are_those_of_platformdirs(environment, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    usual = platformdirs.PlatformDirs("asstctl", appauthor=False)
    assert Path(_folders.config(environment)) == usual.user_config_path
    assert Path(_folders.data(environment)) == usual.user_data_path


def test_the_samples_own_names_are_read(tmp_path):
    found = settings(
        tmp_path,
        AZURE_OPENAI_ENDPOINT="https://a.openai.azure.com/",
        AZURE_OPENAI_API_VERSION="v",
        ASSISTANT_ID="asst_1",
    )
    assert (found.endpoint, found.api_version, found.assistant_id) == (
        "https://a.openai.azure.com/",
        "v",
        "asst_1",
    )


def test_a_value_that_begins_with_insert_is_unset(tmp_path):
    found = settings(
        tmp_path, 'assistant_id = "<insert id>"', AZURE_OPENAI_ENDPOINT="<insert endpoint>"
    )
    assert (found.assistant_id, found.endpoint) == (None, None)


def test_a_named_profile_is_closed_to_the_environment(tmp_path):
    text = '[profiles.work]\nendpoint = "https://work"\n'
    found = settings(
        tmp_path,
        text,
        profile="work",
        ASSTCTL_MODEL="x",
        ASSISTANT_ID="y",
        AZURE_OPENAI_ENDPOINT="z",
    )
    assert (found.endpoint, found.model, found.assistant_id) == ("https://work", None, None)
    assert settings(tmp_path, text, ASSTCTL_PROFILE="work", ASSISTANT_ID="y").assistant_id is None


def test_local_exists_without_being_written_and_can_be_extended(tmp_path):
    assert settings(tmp_path, profile="local").backend == "local"
    found = settings(tmp_path, '[profiles.local]\nmodel = "/m.gguf"\n', profile="local")
    assert (found.backend, found.model) == ("local", "/m.gguf")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('modle = "x"', "no setting 'modle'"),
        ("[profiles.work]\nendpiont = 1", "no setting 'endpiont'"),
        ("model = 5", "model in {path} must be text, not 5"),
        ('timeout = "soon"', "timeout in {path} must be a number"),
        ("timeout = 0", "more than 0"),
        ("timeout = true", "must be a number"),
        ('api_key_command = "pass x"', "must be a list of words"),
        ("profiles = 1", "must be tables"),
        ("[profiles.default]", "not a profile's name"),
        ("x = [", "is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(tmp_path, text, words):
    with pytest.raises(ConfigError) as error:
        settings(tmp_path, text, profile="work" if "work" in text else None)
    assert words.format(path=tmp_path / "config.toml") in error.value.message


def test_a_mistyped_key_and_profile_are_answered_with_the_nearest(home):
    home.configure('modle = "x"\n')
    assert "hint: did you mean 'model'?" in home.run("config", "show", code=3)[1]
    home.configure("[profiles.work]\n")
    assert "hint: did you mean 'work'?" in home.run("-p", "wrok", "config", "show", code=5)[1]


def test_all_missing_settings_are_named_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        settings(tmp_path).require("endpoint", "assistant_id")
    assert error.value.message == (
        "not set: endpoint (variable AZURE_OPENAI_ENDPOINT, or: asstctl config set endpoint VALUE); "
        "assistant_id (variable ASSISTANT_ID, or: asstctl config set assistant_id VALUE)"
    )
    with pytest.raises(ConfigError) as error:
        settings(tmp_path, "[profiles.work]", profile="work").require("endpoint")
    assert "asstctl -p work config set endpoint VALUE" in error.value.message


def test_init_works_from_flags_alone_and_the_file_is_only_the_users(home):
    home.run(
        "config",
        "init",
        "--no-input",
        "--backend",
        "local",
        "--endpoint",
        "http://localhost:1/v1",
        "--model",
        "m",
    )
    assert (
        home.config.read_text()
        == 'backend = "local"\nendpoint = "http://localhost:1/v1"\nmodel = "m"\n'
    )
    assert stat.S_IMODE(os.stat(home.config).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(home.config.parent).st_mode) == 0o700


def test_init_refuses_to_overwrite_without_force_and_keeps_what_is_not_its_own(home):
    home.configure(
        '# mine\nmodel = "a" # why\n\n# home\n[profiles.home]\nbackend = "local" # yes\n'
    )
    assert (
        "--force overwrites it"
        in home.run("config", "init", "--no-input", "--model", "b", code=3)[1]
    )
    assert "--force" in home.run("config", "init", "home", "--no-input", code=3)[1]
    home.run(
        "config",
        "init",
        "work",
        "--no-input",
        "--backend",
        "local",
        "--endpoint",
        "http://localhost:2/v1",
    )
    home.run("config", "init", "--no-input", "--force", "--backend", "local", "--model", "b")
    text = home.config.read_text()
    assert "# mine" in text
    assert 'backend = "local" # yes' in text
    assert config.load(home.config, "work", {}).settings().endpoint == "http://localhost:2/v1"
    assert config.load(home.config, None, {}).settings().model == "b"


def test_init_on_a_terminal_asks_and_offers_what_the_environment_has(home):
    with Screen(home, "config", "init", "--backend", "local", ASSTCTL_MODEL="offered") as screen:
        screen.wait_for("endpoint (")
        screen.type("http://localhost:3/v1\r")
        screen.wait_for("Keep it all the same?")
        screen.type("y\r")
        screen.wait_for("model (")
        screen.wait_for("[offered]")
        screen.type("\r")
        screen.wait_for("instructions (")
        screen.type("Be brief.\r")
        screen.wait_for("Write the profile all the same?")
        screen.type("y\r")
        assert screen.end() == 0
    found = config.load(home.config, None, {}).settings()
    assert (found.endpoint, found.model, found.instructions) == (
        "http://localhost:3/v1",
        "offered",
        "Be brief.",
    )


def test_set_and_unset_keep_comments_and_order(home):
    home.configure(
        '# top\nmodel = "a"  # why\n\n# about home\n[profiles.home]\nbackend = "local"  # yes\n'
    )
    home.run("config", "set", "model", "b")
    home.run("config", "set", "endpoint", "http://localhost:1/v1")
    home.run("-p", "home", "config", "set", "timeout", "5")
    home.run("-p", "new", "config", "set", "api_key_command", "pass 'my key'")
    assert home.config.read_text() == (
        '# top\nmodel = "b"  # why\nendpoint = "http://localhost:1/v1"\n\n# about home\n\n'
        '[profiles.home]\nbackend = "local"  # yes\ntimeout = 5.0\n\n'
        '[profiles.new]\napi_key_command = ["pass", "my key"]\n'
    )
    home.run("config", "unset", "endpoint")
    home.run("-p", "home", "config", "unset", "timeout")
    assert "endpoint" not in home.config.read_text()
    assert "is not set" in home.run("config", "unset", "endpoint", code=3)[1]


def test_set_makes_the_file_and_get_reads_it(home):
    home.run("config", "set", "model", "a")
    assert home.run("config", "get", "model")[0] == "a\n"
    assert "is not set" in home.run("config", "get", "endpoint", code=3)[1]
    assert "no setting 'modle'" in home.run("config", "set", "modle", "a", code=3)[1]
    assert "must be a number" in home.run("config", "set", "timeout", "soon", code=3)[1]


def test_a_file_that_can_not_be_written_stays_as_it_was(home):
    home.configure("x = [")
    assert "is not TOML" in home.run("config", "set", "model", "a", code=3)[1]
    assert home.config.read_text() == "x = ["


def test_a_link_to_the_file_stays_a_link(home):
    home.configure("")
    real = home.path / "dotfiles.toml"
    home.config.rename(real)
    home.config.symlink_to(real)
    home.run("config", "set", "model", "a")
    assert home.config.is_symlink()
    assert real.read_text() == 'model = "a"\n'


def test_show_says_where_each_value_comes_from(home):
    home.configure('model = "a"\n')
    out = home.run("config", "show", "--origin", ASSTCTL_BACKEND="local")[0]
    assert "local  (ASSTCTL_BACKEND)" in out
    assert f"a  ({home.config})" in out
    shown = json.loads(home.run("config", "show", "--origin", "-o", "json")[0])
    assert (shown["schema"], shown["model"]) == (2, {"value": "a", "origin": str(home.config)})


def test_path_is_where_the_file_is_and_config_moves_it(home):
    assert home.run("config", "path")[0] == f"{home.config}\n"
    assert home.run("--config", "/x/y.toml", "config", "path")[0] == "/x/y.toml\n"
    assert (
        "no settings file at /x/y.toml"
        in home.run("--config", "/x/y.toml", "config", "show", code=3)[1]
    )


def test_the_profile_is_taken_before_and_after_the_command(home):
    home.configure('[profiles.work]\nmodel = "w"\n')
    assert home.run("-p", "work", "config", "get", "model")[0] == "w\n"
    assert home.run("config", "get", "-p", "work", "model")[0] == "w\n"
    assert home.run("config", "get", "model", ASSTCTL_PROFILE="work")[0] == "w\n"


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("ftp://x", "is no address that begins with http"),
        ("localhost:1", "is no address that begins with http"),
        ("http://[::1", "is no address that begins with http"),
        ("http://a b/", "is no address that begins with http"),
        ("http://x:99999/", "is no address that begins with http"),
        ("http://user:secret@host/v1", "holds a password"),
    ],
)
def test_an_endpoint_that_can_not_be_spoken_to_or_shown_is_refused(tmp_path, endpoint, words):
    with pytest.raises(ConfigError, match=words) as error:
        settings(tmp_path, f'endpoint = "{endpoint}"')
    assert "secret" not in error.value.message


def test_a_file_of_inline_tables_is_read_and_not_spoiled(home):
    home.configure('profiles = { home = { backend = "local" } }\n')
    assert home.run("-p", "home", "config", "get", "backend")[0] == "local\n"
    home.run("-p", "home", "config", "set", "model", "m", code=None)
    assert config.load(home.config, "home", {}).settings().backend == "local"


def test_what_is_built_in_is_said_to_be(home):
    out = home.run("-p", "local", "config", "show", "--origin")[0]
    assert "local  (built in)" in out


def test_init_of_a_local_profile_offers_nothing_of_a_vendor(home):
    with Screen(
        home,
        "config",
        "init",
        "--backend",
        "local",
        AZURE_OPENAI_ENDPOINT="https://x.openai.azure.com",
    ) as screen:
        screen.wait_for("endpoint (")
        screen.type("\r")
        screen.wait_for("model (")
        screen.type("\r")
        screen.wait_for("instructions (")
        screen.type("\r")
        assert screen.end() == 0
    assert home.config.read_text() == 'backend = "local"\n'


def test_init_without_questions_wants_what_the_backend_can_not_do_without(home):
    err = home.run("config", "init", "--no-input", code=3)[1]
    assert "needs an --endpoint" in err
    assert not home.config.exists()


@pytest.mark.parametrize(
    "text",
    [
        "model = 1979-05-27\n",
        "timeout = 1979-05-27T07:32:00Z\n",
        "timeout = nan\n",
        "tools = [{a = 1979-05-27}]\n",
        "tools = [{a = inf}]\n",
        "[tools.a]\ncommand = ['x']\nd = 07:32:00\n",
        "tools = " + "[" * 5000 + "]" * 5000 + "\n",
        "api_key_env = 5\n",
        "endpoint = 'http://[::1'\n",
    ],
)
def test_whatever_toml_can_say_is_a_setting_or_one_line(home, text):
    home.configure(text)
    for words in (["config", "show"], ["ask", "Hello"], ["config", "set", "instructions", "x"]):
        err = home.run(*words, code=None if "set" in words else 3)[1]
        assert "unexpected" not in err
        assert len(err.splitlines()) <= 2
