"""Settings: which layer wins, and whose mistake it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.config import Settings, config_path, load_config
from smolterm.errors import ConfigError

KEYS = Settings.__struct_fields__
WORDS = st.text("abc/.:-", min_size=1, max_size=9)
EFFECTS = st.lists(st.sampled_from(["write", "network", "spend"]), min_size=1, unique=True)
VALUES = {
    "model": WORDS, "api_base": WORDS, "folder": WORDS, "write": st.booleans(),
    "allow": EFFECTS.map(tuple), "packs": st.lists(WORDS, min_size=1).map(tuple),
    "tools": st.lists(WORDS, min_size=1).map(tuple),
    "mode": st.sampled_from(["step", "effects", "plan", "auto"]),
    "max_tokens": st.integers(0, 10**9), "max_cost": st.floats(0, 999),
    "max_steps": st.integers(0, 999), "max_seconds": st.floats(0, 999), "max_repairs":
    st.integers(0, 9), "cell_seconds": st.floats(0, 999), "output_bytes": st.integers(0, 10**9),
    "packages": st.sampled_from(["ask", "cached", "off"]), "save": st.booleans(),
    "agent": st.sampled_from(["code", "tools", "auto"]), "strict": st.booleans(),
    "servers": st.sampled_from(["ask", "look", "off"]), "bell": st.booleans(),
    "theme": st.sampled_from(["auto", "dark", "light"]),
    "outside": st.sampled_from(["ask", "trust"]),
    "keys": st.dictionaries(st.text("abc.", min_size=1), st.text("abc,", min_size=1), min_size=1),
}  # fmt: skip
LAYERS = ("file", "environment", "flag")


def written(value) -> str:
    """Return a value as the environment holds it."""
    if isinstance(value, dict):
        return ";".join(f"{key}={to}" for key, to in value.items())
    return ",".join(value) if isinstance(value, tuple) else str(value).lower()


def toml(value) -> str:
    """Return a value as the file holds it; most of JSON is TOML."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {json.dumps(v)}' for k, v in value.items())} }}"
    return json.dumps(value)


def test_every_setting_is_covered():
    assert set(VALUES) == set(KEYS)


@given(st.data())
def test_the_last_layer_that_sets_a_key_wins(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "config.toml"
    given_by = {
        layer: {name: data.draw(VALUES[name]) for name in data.draw(st.sets(st.sampled_from(KEYS)))}
        for layer in LAYERS
    }
    path.write_text("".join(f"{k} = {toml(v)}\n" for k, v in given_by["file"].items()))
    environ = {f"SMOLTERM_{k.upper()}": written(v) for k, v in given_by["environment"].items()}
    flags = {name: given_by["flag"].get(name) for name in KEYS}
    config = load_config(flags, environ, path)
    for name in KEYS:
        setters = [layer for layer in LAYERS if name in given_by[layer]]
        assert config.origins[name] == (setters[-1] if setters else "default")
        wanted = given_by[setters[-1]][name] if setters else getattr(Settings(), name)
        assert getattr(config.settings, name) == wanted


@pytest.mark.parametrize(
    ("layer", "name"),
    # Any text fits the environment's words.
    [
        (layer, name)
        for layer in LAYERS
        for name in KEYS
        if layer != "environment" or name not in ("model", "api_base", "folder", "packs", "tools")
    ],
)
def test_a_wrong_value_names_its_layer_and_its_key(tmp_path, name, layer):
    path = tmp_path / "config.toml"
    wrong = {"bad": "shape"} if isinstance(getattr(Settings(), name), str) else "neither"
    wrong = ["no effect"] if name == "allow" else wrong
    if name in ("packs", "tools"):
        wrong = 7
    if layer == "environment":
        wrong = wrong if isinstance(wrong, str) else ",".join(wrong)
    flags, environ = {}, {}
    if layer == "file":
        shown = '{ bad = "shape" }' if isinstance(wrong, dict) else json.dumps(wrong)
        path.write_text(f"{name} = {shown}\n")
    elif layer == "flag":
        flags = {name: wrong}
    else:
        environ = {f"SMOLTERM_{name.upper()}": wrong}
    with pytest.raises(ConfigError) as caught:
        load_config(flags, environ, path)
    named = {"file": str(path), "environment": "environment", "flag": "command line"}[layer]
    assert named in str(caught.value)
    assert name in str(caught.value)


def test_numbers_are_not_below_zero(tmp_path):
    with pytest.raises(ConfigError, match="environment sets max_steps below 0"):
        load_config({}, {"SMOLTERM_MAX_STEPS": "-1"}, tmp_path / "none")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_seconds_are_a_number_that_a_clock_can_count(tmp_path, number):
    with pytest.raises(ConfigError, match="max_seconds"):
        load_config({}, {"SMOLTERM_MAX_SECONDS": number}, tmp_path / "none")


@pytest.mark.parametrize("text", ["x = ", "unknown = 1", "\x00", "model = 1"])
def test_a_file_that_does_not_fit_is_named(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        load_config({}, {}, path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load_config({}, {}, tmp_path)


def test_an_empty_variable_is_none(tmp_path):
    config = load_config({}, {"SMOLTERM_MAX_STEPS": "", "SMOLTERM_MODEL": ""}, tmp_path / "none")
    assert config.origins["max_steps"] == "default"


def test_a_project_folder_contributes_nothing(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text("model = 'evil/model'")
    (tmp_path / "smolterm.toml").write_text("model = 'evil/model'")
    monkeypatch.chdir(tmp_path)
    assert load_config({}, {}, Path(os.devnull)).settings == Settings()


def test_where_the_file_lies():
    assert config_path({"SMOLTERM_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    assert config_path({}).name == "config.toml"
