"""The translate pack against a server that answers as LibreTranslate's documentation says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from inside import inside
from playing import Answer, Asked, Site, grant_for, granted_by, manifest_of
from rigging import Tools
from smolterm.pack import ToolError
from smolterm.packs.testing import TestDoors

MANIFEST = manifest_of("smolterm_translate")
translate = Tools("smolterm_translate", {})


KEY = "0f6d3b1c-key"
LANGUAGES = [
    {"code": "en", "name": "English", "targets": ["en", "fr"]},
    {"code": "fr", "name": "French", "targets": ["en", "fr"]},
]


# docs.libretranslate.com (guides/api_usage, api/operations); the sentences of its errors are those
# that its issues quote: 400 for a language, 403 for a key, 429 "Slowdown".
def libretranslate(asked: Asked) -> Answer:
    if asked.path == "/languages":
        return Answer(LANGUAGES)
    assert asked.headers["content-type"] == "application/json"
    body = json.loads(asked.body)
    if body.get("api_key") not in (None, KEY):
        return Answer({"error": "Invalid API key"}, 403)
    if asked.path == "/detect":
        return Answer([{"confidence": 90.0, "language": "fr"}])
    if body["target"] not in ("en", "fr"):
        return Answer({"error": f"{body['target']} is not supported"}, 400)
    answer: dict[str, object] = {"translatedText": body["q"].replace("Bonjour", "Hello")}
    if body["source"] == "auto":
        answer["detectedLanguage"] = {"confidence": 90.0, "language": "fr"}
    return Answer(answer)


@pytest.fixture
def doors(site: Site) -> Iterator[TestDoors]:
    site.on("/(translate|detect|languages)", libretranslate)
    with granted_by(MANIFEST, {"url": site.url}, {"LIBRETRANSLATE_KEY": KEY}) as doors:
        yield doors


def test_every_tool_of_the_manifest_is_there() -> None:
    assert set(MANIFEST.tools) == set(translate.specs)
    for spec in translate.specs.values():
        assert spec.doc


def test_a_text_is_translated(doors: TestDoors, site: Site) -> None:
    assert translate.translate_text("Bonjour\nvous", "en") == {
        "text": "Hello\nvous",
        "source": "fr",
        "confidence": 90.0,
        "target": "en",
    }
    given = translate.translate_text("Bonjour", "en", source="fr")
    assert (given["source"], given["confidence"]) == ("fr", None)
    assert json.loads(site.asked[0].body)["api_key"] == KEY


def test_a_language_is_detected(doors: TestDoors) -> None:
    assert translate.detect_language("Où ?") == [{"language": "fr", "confidence": 90.0}]


def test_languages_are_listed_and_kept(doors: TestDoors, site: Site) -> None:
    assert translate.list_languages() == LANGUAGES
    assert translate.list_languages() == LANGUAGES
    assert len(site.asked) == 1


def test_without_a_key_none_is_sent(site: Site) -> None:
    site.on("/detect", libretranslate)
    with granted_by(MANIFEST, {"url": site.url}):
        translate.detect_language("Bonjour")
    assert json.loads(site.asked[0].body) == {"q": "Bonjour"}


def test_a_wrong_key_is_said(site: Site) -> None:
    site.on("/detect", libretranslate)
    with (
        granted_by(MANIFEST, {"url": site.url}, {"LIBRETRANSLATE_KEY": "wrong"}),
        pytest.raises(ToolError, match=r"Invalid API key.*packs secret"),
    ):
        translate.detect_language("Bonjour")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"error": "Slowdown: 20 per 1 minute"}, 429), r"no more requests.*Slowdown.*Wait"),
        (Answer("<h1>", 502, kind="text/html"), r"failed \(502\).*later"),
        (Answer({"error": 1}, 200), "does not|did not answer as LibreTranslate"),
        (Answer("[]", 200), "did not answer as LibreTranslate"),
    ],
)
def test_what_the_server_refuses_is_said(
    doors: TestDoors, site: Site, answer: Answer, message: str
) -> None:
    site.on("/translate", answer)
    with pytest.raises(ToolError, match=message):
        translate.translate_text("Bonjour", "en")


def test_what_cannot_be_translated_is_said(doors: TestDoors) -> None:
    with pytest.raises(ToolError, match=r"xx is not supported.*list_languages"):
        translate.translate_text("Bonjour", "xx")
    with pytest.raises(ToolError, match="empty"):
        translate.translate_text("  ", "en")
    with pytest.raises(ToolError, match="in parts"):
        translate.translate_text("a" * 100_001, "en")


def test_a_server_that_does_not_run_is_told_how_to_start() -> None:
    with (
        granted_by(MANIFEST, {"url": "http://127.0.0.1:1"}),
        pytest.raises(ToolError, match="libretranslate"),
    ):
        translate.detect_language("Bonjour")


def test_every_tool_runs_in_webassembly(site: Site) -> None:
    site.on("/(translate|detect|languages)", libretranslate)
    grant = grant_for(MANIFEST, {"url": site.url}, {"LIBRETRANSLATE_KEY": KEY})
    with inside("smolterm_translate", grant) as there:
        assert there.translate_text("Bonjour", "en")["text"] == "Hello"
        assert there.detect_language("Bonjour") == [{"language": "fr", "confidence": 90.0}]
        assert there.list_languages() == LANGUAGES
        with pytest.raises(ToolError, match="xx is not supported"):
            there.translate_text("Bonjour", "xx")
        assert there.called == there.names
    assert json.loads(site.asked[0].body)["api_key"] == KEY
