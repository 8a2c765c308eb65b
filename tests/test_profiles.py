"""Profiles: which family a model belongs to, and a person's own file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import ConfigError
from smolterm.profiles import Profile, own_path, profile_for, profiles


class File(msgspec.Struct, frozen=True):
    """What a GGUF file says."""

    name: str = "model"
    architecture: str = "llama"
    parameters: int = 0


BY_NAME = {
    "local/Ministral-3-3B-Instruct-2512-Q4_K_M": "ministral",
    "mistral/mistral-medium-latest": "mistral",
    "mistral/ministral-8b-latest": "ministral",
    "ollama/qwen3:4b": "qwen3",
    "lmstudio/Qwen3.5-4B": "qwen3-5",
    "openrouter/qwen/qwen2.5-coder-7b-instruct": "qwen",
    "local/phi-4-mini": "phi",
    "/models/mistral/granite-4.1-3b.gguf": "granite",
    "SmolLM3-3B.Q4.gguf": "smollm",
    "groq/llama-3.3-70b-versatile": "llama",
    "ollama/gemma3:4b": "gemma",
    "groq/openai/gpt-oss-120b": "gpt-oss",
    "deepseek/deepseek-v4-flash": "deepseek",
    "openai/gpt-5.4-mini": "frontier",
    "gpt-5.4-mini": "frontier",
    "litellm/anthropic/claude-opus-4-5": "frontier",
    "litellm/gemini/gemini-3-pro": "frontier",
    "openai/o4-mini": "frontier",
    "vllm/tiny-thing-1.5b-chat": "small",
    "vllm/huge-thing-120b": "large",
    "openai/somebody-elses": "large",
}


@pytest.mark.parametrize(("model", "family"), BY_NAME.items())
def test_a_name_tells_the_family(model: str, family: str) -> None:
    assert profile_for(model).name == family


@pytest.mark.parametrize(
    ("about", "family"),
    [
        (File(architecture="mistral3"), "ministral"),
        (File(architecture="qwen35"), "qwen3-5"),
        (File(architecture="phi3"), "phi"),
        (File(architecture="gpt-oss"), "gpt-oss"),
        (File(name="SmolLM2 1.7B", architecture="llama"), "smollm"),
        (File(architecture="nobodys", parameters=3_000_000_000), "small"),
        (File(architecture="nobodys", parameters=70_000_000_000), "large"),
    ],
)
def test_a_file_tells_the_family(about: File, family: str) -> None:
    assert profile_for("/somewhere/model.gguf", about).name == family


def test_a_small_model_sees_an_example_and_a_large_one_does_not() -> None:
    assert profile_for("ollama/qwen3:4b").shows_example
    assert not profile_for("openrouter/qwen3-235b-a22b").shows_example
    assert profile_for("x.gguf", File("Qwen3 4B", "qwen3", 4_000_000_000)).shows_example
    assert not profile_for("openai/gpt-5").shows_example


def test_every_built_in_family_can_be_met_and_is_complete() -> None:
    known = profiles(Path("/nonexistent/models.toml"))
    for name, profile in known.items():
        assert profile.name == name
        assert profile.match or profile.architectures or name in ("small", "large")
        assert profile.lines()
    assert set(BY_NAME.values()) == set(known)


@given(st.text(max_size=60))
def test_any_name_has_a_profile(model: str) -> None:
    assert profile_for(model, own=profiles(Path("/nonexistent"))).few_shot in ("always", "never")


def test_ones_own_file_changes_single_keys_and_adds_families(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        '[qwen3]\ntemperature = 0.1\n\n[mine]\nmatch = ["*qwen3-mine*"]\nagent = "tools"\n'
    )
    known = profiles(path)
    assert profile_for("ollama/qwen3:4b", own=known).temperature == 0.1
    assert profile_for("ollama/qwen3:4b", own=known).thinking is False
    mine = profile_for("local/Qwen3-Mine-4B", own=known)
    assert (mine.name, mine.agent, mine.temperature) == ("mine", "tools", None)


def test_it_lies_beside_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMOLTERM_CONFIG", str(tmp_path / "config.toml"))
    assert own_path() == tmp_path / "models.toml"
    assert profile_for("ollama/qwen3:4b").temperature == 0.7
    (tmp_path / "models.toml").write_text("[qwen3]\ntemperature = 0.2\n")
    assert profile_for("ollama/qwen3:4b").temperature == 0.2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[qwen3]\ntemprature = 1\n", "temprature"),
        ("[qwen3]\ntemperature = 'hot'\n", "temperature"),
        ("[qwen3]\ntemperature = 3\n", "0 to 2"),
        ("[qwen3]\nmax_tokens = 1\n", "below 64"),
        ("[qwen3]\nagent = 'both'\n", "agent"),
        ("[qwen3]\ndialect = 'fences'\n", "dialect"),
        ("[qwen3]\nname = 'x'\n", "name"),
        ("temperature = 1\n", "outside of a table"),
        ("[mine]\ntemperature = 1\n", "no match"),
        ("[mine\n", "cannot be read"),
    ],
)
def test_a_wrong_key_is_refused_and_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        profiles(path)
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert caught.value.next


def test_what_is_in_force_can_be_read() -> None:
    assert "temperature  0.15" in profile_for("ministral-3-3b").lines()
    assert "thinking     no" in Profile(thinking=False).lines()


def test_no_family_stops_at_a_word_that_a_reply_may_begin_with() -> None:
    """A stop of "Observation:" gives an empty reply, and a fence opens as it closes."""
    for profile in profiles(Path("/nonexistent")).values():
        assert not any("bservation" in stop or "```" in stop for stop in profile.stop)
