"""Which provider a model's name means, at which address, with which key.

Plain data and pure functions, so that the front end can tell a person what is missing before any
child process exists.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from smolterm.errors import ConfigError, NoKey
from smolterm.spawn import PLAIN_ENVIRONMENT

Kind: TypeAlias = Literal["replay", "compatible", "litellm", "local"]

OWN_KEY = "SMOLTERM_API_KEY"
"""The key for an address that the person named; a provider's own key never goes there."""


class Provider(msgspec.Struct, frozen=True):
    """Who serves models under the OpenAI protocol."""

    title: str
    base_url: str
    keys: tuple[str, ...] = ()
    """Environment variables that may hold the key, the preferred one first."""
    default: str | None = None
    """The model for a person who named none."""
    passed: tuple[str, ...] = ()
    """More variables that its requests depend on."""
    start: str = ""
    """The command that starts a local server."""


# In the order in which a default model is looked for.
PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        "OpenAI",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        "gpt-5.4-mini",
        passed=("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
    ),
    "mistral": Provider(
        "Mistral", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",), "mistral-medium-latest"
    ),
    "openrouter": Provider(
        "OpenRouter", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",), "openrouter/auto"
    ),
    "groq": Provider(
        "Groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",), "openai/gpt-oss-120b"
    ),
    "together": Provider(
        "Together",
        "https://api.together.xyz/v1",
        ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
        "openai/gpt-oss-120b",
    ),
    "deepseek": Provider(
        "DeepSeek", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",), "deepseek-v4-flash"
    ),
    "huggingface": Provider(
        "Hugging Face",
        "https://router.huggingface.co/v1",
        ("HF_TOKEN", "HUGGINGFACE_API_KEY", "HUGGING_FACE_HUB_TOKEN"),
        "openai/gpt-oss-120b",
    ),
    "ollama": Provider("Ollama", "http://127.0.0.1:11434/v1", start="ollama serve"),
    "lmstudio": Provider("LM Studio", "http://127.0.0.1:1234/v1", start="lms server start"),
    "llama-server": Provider("llama-server", "http://127.0.0.1:8080/v1", start="llama-server"),
    "vllm": Provider("vLLM", "http://127.0.0.1:8000/v1", start="vllm serve"),
}

_NETWORK = (
    "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "all_proxy", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

# Which graphics cards a library may use, and where its drivers lie.
_GRAPHICS = (
    "CUDA_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "LD_LIBRARY_PATH",
    "ROCR_VISIBLE_DEVICES", "SMOLTERM_LLAMA",
)  # fmt: skip

# litellm reads a price map from the network and a `.env` from the folders above unless told not to.
_LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_OFFLINE_MODE": "true",
}


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where requests for a model go. Holds the name of the key's variable, never the key."""

    kind: Kind
    model: str
    """As the provider knows it; a path for `replay` and `local`."""
    provider: str
    """How messages call it."""
    base_url: str = ""
    key_env: str = ""
    """Empty: no key is sent."""
    is_local: bool = False
    """It answers on this machine and costs nothing."""
    start: str = ""
    """The command that starts the local server."""


def resolve(model: str, api_base: str | None, environ: Mapping[str, str]) -> Route:
    """Return the route for a model's name.

    `replay:FILE`, `local/NAME`, `FILE.gguf`, `PROVIDER/MODEL`, `litellm/...` or an OpenAI model.

    Raises:
        ConfigError: the name or the address is none, or the model is not installed.
        NoKey: the provider needs a key and none of its variables is set.
    """
    if model.startswith("replay:"):
        return Route(kind="replay", model=model[7:], provider="the replay file", is_local=True)
    if (path := _local_path(model)) is not None:
        return Route(kind="local", model=path, provider="this machine", is_local=True)
    base = checked_base(api_base) if api_base else ""
    head, slash, rest = model.partition("/")
    if not model.strip() or model != model.strip() or (slash and not (head and rest)):
        raise ConfigError(f"{model!r} names no model.", next="Write PROVIDER/MODEL.")
    if head == "litellm" and slash:
        return _through_litellm(rest, base, environ)
    if head in PROVIDERS:
        if not slash:
            raise ConfigError(f"{head!r} names no model.", next=f"Write {head}/MODEL.")
        return _through(PROVIDERS[head], rest, base or address_of(head, environ), environ)
    if base:
        return _at_address(model, base, environ)
    if not slash:
        return _through(PROVIDERS["openai"], model, PROVIDERS["openai"].base_url, environ)
    return _through_litellm(model, "", environ)


def default_model(environ: Mapping[str, str]) -> str | None:
    """Return a model for a person who chose none, by the keys that are set; None without one."""
    for name, provider in PROVIDERS.items():
        if provider.default and _first_set(provider.keys, environ):
            return f"{name}/{provider.default}"
    return None


def environment_for(route: Route, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the model host: one key at most, except under litellm.

    litellm finds keys, regions and projects of a hundred providers in variables of their own.
    """
    if route.kind == "litellm":
        kept = dict(environ) | _LITELLM
    else:
        kept = {name: environ[name] for name in PLAIN_ENVIRONMENT if name in environ}
    if route.kind == "compatible":
        wanted = (*_NETWORK, route.key_env, *_passed(route))
        kept |= {name: environ[name] for name in wanted if name in environ}
        # Saves a look at every installed distribution while pydantic is imported.
        kept["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    if route.kind == "local":
        kept |= {name: environ[name] for name in _GRAPHICS if name in environ}
    # A relative entry would let the current folder shadow the modules that see the key.
    paths = [
        part for part in environ.get("PYTHONPATH", "").split(os.pathsep) if Path(part).is_absolute()
    ]
    kept.pop("PYTHONPATH", None)
    return kept | ({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})


def address_of(name: str, environ: Mapping[str, str]) -> str:
    """Return the provider's address, which Ollama lets a person move by OLLAMA_HOST."""
    place = environ.get("OLLAMA_HOST", "").strip() if name == "ollama" else ""
    if not place:
        return PROVIDERS[name].base_url
    scheme, sep, rest = place.rpartition("://")
    parts = urlsplit(f"//{rest.rstrip('/')}")
    try:
        port = parts.port or 11434
    except ValueError:
        raise ConfigError(f"OLLAMA_HOST={place!r} is no address.") from None
    # A server that listens on every interface is reached on the loopback one.
    host = parts.hostname if parts.hostname not in (None, "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    bracketed = f"[{host}]" if ":" in str(host) else host
    return checked_base(f"{scheme if sep else 'http'}://{bracketed}:{port}")


def checked_base(url: str) -> str:
    """Return a base URL without a slash at its end, with `/v1` where it has no path.

    Raises:
        ConfigError: it is no http address, or it holds a password, which would show in `ps`.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(c.isspace() or not c.isprintable() for c in url):
        raise ConfigError(f"{url!r} is no address of a server.", next="Write http://HOST:PORT/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "The server's address holds more than host, port and path.",
            next=f"Put a key into {OWN_KEY}.",
        )
    path = parts.path.rstrip("/") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _local_path(model: str) -> str | None:
    """Return the path that a name means; None for the name of a provider's model.

    Raises:
        ConfigError: it is the name of a model that is not installed.
    """
    head, slash, rest = model.partition("/")
    if model.startswith("file:"):
        return model[5:]
    if head == "local":
        if not rest:
            raise ConfigError(f"{model!r} names no model.", next="Write local/NAME.")
        from smolterm.models.library import find

        return str(find(rest))
    known = slash and (head in PROVIDERS or head == "litellm")
    return model if model.lower().endswith(".gguf") and not known else None


def _through(provider: Provider, model: str, base: str, environ: Mapping[str, str]) -> Route:
    """Return the route to a provider of the table, at its own address or at a given one."""
    if _origin(base) != _origin(provider.base_url):
        route = _at_address(model, base, environ)
        return msgspec.structs.replace(route, start=provider.start if route.is_local else "")
    key = _first_set(provider.keys, environ)
    if provider.keys and not key:
        raise NoKey(
            f"No key for {provider.title}, for whose model {model[:80]} is taken.",
            next=f"Set {provider.keys[0]}, or choose another model: `smolterm models` lists those "
            "that are here.",
        )
    return Route(
        kind="compatible",
        model=model,
        provider=provider.title,
        base_url=base,
        key_env=key,
        is_local=is_loopback(base),
        start=provider.start,
    )


def _at_address(model: str, base: str, environ: Mapping[str, str]) -> Route:
    return Route(
        kind="compatible",
        model=model,
        provider=urlsplit(base).netloc,
        base_url=base,
        key_env=_first_set((OWN_KEY,), environ),
        is_local=is_loopback(base),
    )


def _through_litellm(model: str, base: str, environ: Mapping[str, str]) -> Route:
    name = model.partition("/")[0]
    guess = name.upper().replace("-", "_") + "_API_KEY"
    return Route(
        kind="litellm",
        model=model,
        provider=urlsplit(base).netloc if base else name,
        base_url=base,
        key_env=_first_set((OWN_KEY if base else guess,), environ),
        is_local=bool(base) and is_loopback(base),
    )


def _passed(route: Route) -> tuple[str, ...]:
    for provider in PROVIDERS.values():
        if provider.title == route.provider and route.key_env in provider.keys:
            return provider.passed
    return ()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    return next((name for name in names if environ.get(name, "").strip()), "")
