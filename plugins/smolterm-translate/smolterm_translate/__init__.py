"""Translating text by a LibreTranslate server: nothing leaves the machine where it runs here."""

from __future__ import annotations

from typing import Any

from smolterm.pack import Denied, ToolError, cache, http, secrets, settings, tool

LONGEST = 100_000
DAY = 86_400


@tool(effect="network")
def translate_text(text: str, target: str, source: str = "auto") -> dict[str, object]:
    """Translate a text into another language.

    Args:
        text: up to 100,000 characters; its lines are kept.
        target: the language's code, such as "en", "de", "pt"; list_languages() tells them.
        source: the text's language, or "auto" to have it detected.

    Returns:
        {"text": the translation, "source": "fr", "confidence": 90.0, "target": "en"};
        `confidence`, in percent, is None where `source` was given.

    Example:
        print(translate_text("Bonjour !", "en")["text"])
    """
    _check(text)
    answer = _ask("POST", "translate", {"q": text, "source": source, "target": target})
    detected = answer.get("detectedLanguage") if isinstance(answer, dict) else None
    found = detected if isinstance(detected, dict) else {"language": source}
    return {
        "text": str(_field(answer, "translatedText")),
        "source": found.get("language"),
        "confidence": found.get("confidence"),
        "target": target,
    }


@tool(effect="network")
def detect_language(text: str) -> list[dict[str, object]]:
    """Tell which language a text is in.

    Returns:
        The most likely first: [{"language": "fr", "confidence": 90.0}], in percent.

    Example:
        print(detect_language("Où est la gare ?")[0]["language"])
    """
    _check(text)
    answer = _ask("POST", "detect", {"q": text})
    if not isinstance(answer, list):
        raise ToolError("The server answered something else than languages.")
    return [
        {"language": each.get("language"), "confidence": each.get("confidence")}
        for each in answer[:10]
        if isinstance(each, dict)
    ]


@tool(effect="network")
def list_languages() -> list[dict[str, object]]:
    """List the languages that the server knows, and into which it translates each.

    Returns:
        [{"code": "en", "name": "English", "targets": ["de", "fr", ...]}].
    """
    key = f"languages {settings['url']}"
    answer: Any = cache.get(key)
    if answer is None:
        answer = _ask("GET", "languages")
        cache.put(key, answer, seconds=DAY)
    return [
        {"code": each.get("code"), "name": each.get("name"), "targets": each.get("targets") or []}
        for each in answer
        if isinstance(each, dict)
    ]


def _check(text: str) -> None:
    if not text.strip():
        raise ToolError("`text` is empty.")
    if len(text) > LONGEST:
        raise ToolError(
            f"`text` has {len(text)} characters, more than {LONGEST}.",
            next="Translate it in parts, such as by paragraph.",
        )


def _ask(method: str, path: str, body: dict[str, object] | None = None) -> Any:
    server = settings["url"].rstrip("/")
    if body is not None and secrets.has("LIBRETRANSLATE_KEY"):
        body = {**body, "api_key": secrets["LIBRETRANSLATE_KEY"]}
    try:
        response = http.request(method, f"{server}/{path}", json=body, timeout=60)
    except Denied:
        raise
    except ToolError as error:
        raise ToolError(
            f"The LibreTranslate server {server} cannot be reached: {error}",
            next="Is it running? `pip install libretranslate`, then `libretranslate`; another"
            " address is set by `smolterm packs set translate url=...`.",
        ) from None
    _refuse(response)
    return response.json()


def _refuse(response: http.Response) -> None:
    if response.ok:
        return
    said = _said(response)
    if response.status == 403:
        raise ToolError(
            f"The server wants an API key, or not this one.{said}",
            next="The person can store it: `smolterm packs secret translate LIBRETRANSLATE_KEY`.",
        )
    if response.status == 429:
        raise ToolError(f"The server takes no more requests now.{said}", next="Wait a minute.")
    if response.status == 400:
        raise ToolError(
            f"The server did not accept that.{said}",
            next="list_languages() tells the codes that it knows.",
        )
    raise ToolError(f"The server failed ({response.status}).{said}", next="Try again later.")


def _said(response: http.Response) -> str:
    try:
        said = _field(response.json(), "error")
    except ToolError:
        return ""
    return f" It says: {' '.join(str(said).split())[:200]}"


def _field(answer: object, name: str) -> object:
    if not isinstance(answer, dict) or name not in answer:
        raise ToolError(
            "The server did not answer as LibreTranslate does.", next="Check the setting `url`."
        )
    return answer[name]
