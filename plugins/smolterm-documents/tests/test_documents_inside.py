"""The documents pack in WebAssembly, where it runs: every tool, on real files behind real doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from inside import Inside, inside
from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from test_documents import MARKDOWN, pdf


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    granted = tmp_path_factory.mktemp("outer") / "granted"
    granted.mkdir()
    (granted.parent / "secret.pdf").write_bytes(pdf("the canary"))
    (granted / "a.pdf").write_bytes(pdf("Grüße\nline two", "second", "third"))
    return granted


@pytest.fixture(scope="module")
def documents(folder: Path) -> Iterator[Inside]:
    named = ("**/*.pdf", "**/*.docx")
    grant = Grant(pack="documents", folder=str(folder), read=named, write=named)
    with inside("smolterm_documents", grant) as pack:
        yield pack
        assert pack.called == pack.names


def test_pdfs_are_read_and_made(documents: Inside) -> None:
    assert documents.describe_pdf("a.pdf")["pages"] == 3
    assert documents.read_pdf("a.pdf", pages="1")[0]["text"] == "Grüße\nline two"
    assert documents.search_pdf("a.pdf", "sec")[0]["page"] == 2
    assert documents.extract_pdf_pages("a.pdf", "3,1", "out/b.pdf")["pages"] == 2
    assert documents.join_pdfs(["a.pdf", "out/b.pdf"], "c.pdf")["pages"] == 5
    assert [each["text"] for each in documents.read_pdf("c.pdf", "4-5")] == [
        "third", "Grüße\nline two",
    ]  # fmt: skip


def test_word_documents_are_written_and_read(documents: Inside) -> None:
    documents.write_docx("a.docx", MARKDOWN)
    assert documents.read_docx("a.docx").startswith("# Report *2026*\n\nA **bold** word")


def test_nothing_else_is_reached(documents: Inside, folder: Path) -> None:
    (folder / "damaged.pdf").write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(ToolError, match="no PDF"):
        documents.read_pdf("damaged.pdf")
    assert documents.denied == []
    with pytest.raises(ToolError):
        documents.read_pdf("../secret.pdf")
    with pytest.raises(ToolError):
        documents.write_docx("a.txt", "x")
    assert len(documents.denied) == 2
