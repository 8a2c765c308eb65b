from __future__ import annotations

import pytest

from smolterm.errors import ConfigError, NoKey
from smolterm.models.providers import (
    PROVIDERS,
    Route,
    default_model,
    environment_for,
    resolve,
)

OPENAI = {"OPENAI_API_KEY": "sk-openai"}


@pytest.mark.parametrize(
    ("model", "api_base", "environ", "expected"),
    [
        ("gpt-5.4", None, OPENAI, ("compatible", "gpt-5.4", "https://api.openai.com/v1",
                                   "OPENAI_API_KEY", False)),
        ("openai/gpt-5.4", None, OPENAI, ("compatible", "gpt-5.4", "https://api.openai.com/v1",
                                          "OPENAI_API_KEY", False)),
        ("huggingface/org/m", None, {"HUGGINGFACE_API_KEY": "hf"},
         ("compatible", "org/m", "https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY", False)),
        ("ollama/qwen3:4b", None, OPENAI,
         ("compatible", "qwen3:4b", "http://127.0.0.1:11434/v1", "", True)),
        ("ollama/q", None, {"OLLAMA_HOST": "0.0.0.0:99"},
         ("compatible", "q", "http://127.0.0.1:99/v1", "", True)),
        ("vllm/org/model", None, {"SMOLTERM_API_KEY": "mine"},
         ("compatible", "org/model", "http://127.0.0.1:8000/v1", "", True)),
        ("my-model", "http://10.0.0.5:8000", OPENAI,
         ("compatible", "my-model", "http://10.0.0.5:8000/v1", "", False)),
        ("org/my-model", "http://localhost:1/v1/", OPENAI | {"SMOLTERM_API_KEY": "mine"},
         ("compatible", "org/my-model", "http://localhost:1/v1", "SMOLTERM_API_KEY", True)),
        ("openai/x", "https://evil.example/v1", OPENAI,
         ("compatible", "x", "https://evil.example/v1", "", False)),
        ("openai/x", "https://api.openai.com.evil.example/v1", OPENAI,
         ("compatible", "x", "https://api.openai.com.evil.example/v1", "", False)),
        ("openai/x", "http://api.openai.com/v1", OPENAI,
         ("compatible", "x", "http://api.openai.com/v1", "", False)),
        ("openai/x", "https://API.openai.com/v1", OPENAI,
         ("compatible", "x", "https://API.openai.com/v1", "OPENAI_API_KEY", False)),
        ("anthropic/claude", None, {}, ("litellm", "anthropic/claude", "", "", False)),
        ("litellm/openai/x", "http://127.0.0.1:1/v1", OPENAI,
         ("litellm", "openai/x", "http://127.0.0.1:1/v1", "", True)),
        ("replay:a/b.jsonl", None, {}, ("replay", "a/b.jsonl", "", "", True)),
    ],
)  # fmt: skip
def test_a_name_resolves_to_its_route(model, api_base, environ, expected):
    route = resolve(model, api_base, environ)
    found = (route.kind, route.model, route.base_url, route.key_env, route.is_local)
    assert found == expected


@pytest.mark.parametrize("name", [n for n, p in PROVIDERS.items() if p.keys])
def test_a_missing_key_is_named(name):
    with pytest.raises(NoKey) as caught:
        resolve(f"{name}/m", None, {"PATH": "/bin"})
    assert PROVIDERS[name].title in caught.value.what
    assert PROVIDERS[name].keys[0] in caught.value.next


def test_a_name_that_is_taken_for_a_providers_says_so():
    with pytest.raises(NoKey, match=r"OpenAI, for whose model mistaken\.ggf is taken"):
        resolve("mistaken.ggf", None, {"PATH": "/bin"})


@pytest.mark.parametrize("model", ["", " ", "ollama", "ollama/", "/x", " gpt", "litellm/"])
def test_what_names_no_model_is_refused(model):
    with pytest.raises(ConfigError):
        resolve(model, None, OPENAI)


@pytest.mark.parametrize(
    "base",
    [
        "localhost:8000",
        "ftp://h/v1",
        "http://",
        "http://u:p@h/v1",
        "http://h:99999/",
        "http://h/ v",
        "http://h/v1?key=1",
        "http://[::1/v1",
    ],
)
def test_what_is_no_address_is_refused(base):
    with pytest.raises(ConfigError):
        resolve("m", base, OPENAI)


def test_the_host_gets_one_key_and_nothing_else_that_is_secret():
    environ = OPENAI | {
        "MISTRAL_API_KEY": "other", "AWS_SECRET_ACCESS_KEY": "s", "HTTPS_PROXY": "p",
        "PATH": "/bin", "PYTHONPATH": ":rel:/abs", "OPENAI_ORG_ID": "org",
        "OPENAI_BASE_URL": "https://evil.example",
    }  # fmt: skip
    kept = environment_for(resolve("gpt-5.4", None, environ), environ)
    assert kept == OPENAI | {
        "PATH": "/bin", "HTTPS_PROXY": "p", "PYTHONPATH": "/abs", "OPENAI_ORG_ID": "org",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }  # fmt: skip
    local = environment_for(resolve("ollama/x", None, environ), environ)
    assert "sk-openai" not in local.values()


def test_litellm_gets_everything_and_is_kept_from_network_and_dotenv():
    kept = environment_for(Route(kind="litellm", model="a/b", provider="a"), {"X": "1"})
    assert kept == {
        "X": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_OFFLINE_MODE": "true",
    }


def test_a_default_model_follows_the_keys():
    assert default_model({"PATH": "/bin", "OPENAI_API_KEY": " "}) is None
    assert default_model({"MISTRAL_API_KEY": "k"}) == "mistral/mistral-medium-latest"
    for name, provider in PROVIDERS.items():
        if provider.default:
            environ = {provider.keys[0]: "k"}
            assert default_model(environ) == f"{name}/{provider.default}"
            assert resolve(str(default_model(environ)), None, environ).model == provider.default
