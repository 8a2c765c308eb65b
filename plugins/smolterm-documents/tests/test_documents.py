"""PDF and Word documents through the doors of a granted folder."""

from __future__ import annotations

import io
import logging
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfWriter
from smolterm.pack import Denied, ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_documents as documents
from smolterm_documents.docx import of_html
from smolterm_documents.pdf import numbers
from smolterm_documents.written import blocks

MARKDOWN = """# Report *2026*

A **bold** word, an *italic* one,
`code` & <tags>, 3 * 4 * 5, snake_case_name.

- first
- second
  - below
- third

1. one
2. two

| item | n |
| --- | --- |
| nut \\| bolt | 3 |
| x | 4 |

## End

```
if a < b:
    go()
```

1. again
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    granted = tmp_path / "granted"
    granted.mkdir()
    with bound(folder=granted, read=["**/*.pdf", "**/*.docx"], write=["**/*.pdf", "**/*.docx"]):
        yield granted


def pdf(*pages: str) -> bytes:
    """Return a PDF with one text on each page, written down by the standard (ISO 32000)."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, text in enumerate(pages):
        lines = "".join(f"({line}) Tj T* " for line in text.split("\n"))
        stream = f"BT /F1 12 Tf 14 TL 50 700 Td {lines}ET"
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
            f" /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * at} 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    raw, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(raw))
        raw += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(raw)}\n%%EOF"
    return raw + end.encode() + trailer.encode()


# PDF


def test_a_pdf_is_described(folder: Path) -> None:
    writer = PdfWriter(io.BytesIO(pdf("one", "two")))
    writer.add_metadata({
        "/Title": "Über", "/Author": "Ann", "/CreationDate": "D:20260131120000Z", "/ModDate": "x",
    })  # fmt: skip
    top = writer.add_outline_item(title="Chapter", page_number=0)
    writer.add_outline_item(title="Section", page_number=1, parent=top)
    writer.write(folder / "a.pdf")
    assert documents.describe_pdf("a.pdf") == {
        "pages": 2, "title": "Über", "author": "Ann", "created": "2026-01-31T12:00:00+00:00",
        "modified": None, "encrypted": False, "page_size": [210, 297], "outline": [
            {"title": "Chapter", "page": 1, "level": 1},
            {"title": "Section", "page": 2, "level": 2},
        ],
    }  # fmt: skip
    (folder / "b.pdf").write_bytes(pdf("x"))
    assert documents.describe_pdf("b.pdf")["title"] is None


def test_text_is_read_page_by_page(folder: Path) -> None:
    (folder / "a.pdf").write_bytes(pdf("Grüße\nline two", "second", "third"))
    found = documents.read_pdf("a.pdf")
    assert found[0] == {"page": 1, "text": "Grüße\nline two"}
    assert [page["text"] for page in documents.read_pdf("a.pdf", pages="2-3")] == [
        "second",
        "third",
    ]
    assert documents.read_pdf("a.pdf", limit=3) == [{"page": 1, "text": "Grü"}]
    with pytest.raises(ToolError, match="last one is 3"):
        documents.read_pdf("a.pdf", pages="4")
    with pytest.raises(ToolError, match="limit"):
        documents.read_pdf("a.pdf", limit=0)


def test_lines_are_searched(folder: Path) -> None:
    (folder / "a.pdf").write_bytes(pdf("Total 1\nother", "total 2"))
    assert documents.search_pdf("a.pdf", r"(?i)total \d") == [
        {"page": 1, "text": "Total 1"}, {"page": 2, "text": "total 2"},
    ]  # fmt: skip
    assert len(documents.search_pdf("a.pdf", ".", limit=1)) == 1
    with pytest.raises(ToolError, match="regular expression"):
        documents.search_pdf("a.pdf", "(")


def test_pages_are_taken_out_and_put_together(folder: Path) -> None:
    (folder / "a.pdf").write_bytes(pdf("one", "two", "three"))
    (folder / "b.pdf").write_bytes(pdf("four"))
    answer = documents.extract_pdf_pages("a.pdf", "3,1-2", "out/part.pdf")
    assert answer["pages"] == 3 and answer["size"] == (folder / "out/part.pdf").stat().st_size
    texts = [page["text"] for page in documents.read_pdf("out/part.pdf")]
    assert texts == ["three", "one", "two"]
    assert documents.join_pdfs(["b.pdf", "a.pdf"], "all.pdf")["pages"] == 4
    texts = [page["text"] for page in documents.read_pdf("all.pdf")]
    assert texts == ["four", "one", "two", "three"]
    with pytest.raises(ToolError, match="Which pages"):
        documents.extract_pdf_pages("a.pdf", " ", "x.pdf")
    with pytest.raises(ToolError, match="paths"):
        documents.join_pdfs([], "x.pdf")


@pytest.mark.parametrize("pages", ["0", "2-1", "a", "1,,2", "-1", "1-", "9999999"])
def test_what_names_no_pages_is_told(pages: str) -> None:
    with pytest.raises(ToolError):
        numbers(pages, 5)


def test_pages_are_named_as_a_person_does() -> None:
    assert numbers("", 3) == [1, 2, 3]
    assert numbers(" 1-2, 5 ,4", 5) == [1, 2, 5, 4]


def test_a_password_is_told(folder: Path) -> None:
    writer = PdfWriter(io.BytesIO(pdf("secret")))
    writer.encrypt("p4ss", algorithm="RC4-128")
    writer.write(folder / "a.pdf")
    with pytest.raises(ToolError, match="password"):
        documents.read_pdf("a.pdf")


def test_damaged_and_hostile_pdfs_are_refused(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    (folder / "text.pdf").write_text("hello")
    (folder / "empty.pdf").write_bytes(b"")
    good = pdf("one", "two")
    (folder / "loop.pdf").write_bytes(good.replace(b"/Kids [4 0 R", b"/Kids [2 0 R"))
    (folder / "cut.pdf").write_bytes(good[:120])
    start = time.process_time()
    for name in ("text.pdf", "empty.pdf", "cut.pdf", "loop.pdf"):
        with pytest.raises(ToolError, match="no PDF"):
            documents.read_pdf(name)
    assert time.process_time() - start < 30


def test_only_documents_of_the_folder_are_reached(folder: Path) -> None:
    (folder.parent / "secret.pdf").write_bytes(pdf("secret"))
    (folder / "notes.txt").write_text("no document")
    for path in ("../secret.pdf", str(folder.parent / "secret.pdf"), "notes.txt"):
        with pytest.raises(Denied):
            documents.read_pdf(path)
    with pytest.raises(Denied):
        documents.write_docx("notes.txt", "x")


# Word


def test_what_is_written_is_read(folder: Path) -> None:
    answer = documents.write_docx("out/a.docx", MARKDOWN)
    assert answer["size"] == (folder / "out" / "a.docx").stat().st_size
    assert documents.read_docx("out/a.docx") == (
        "# Report *2026*\n\n"
        "A **bold** word, an *italic* one, code & <tags>, 3 * 4 * 5, snake_case_name.\n\n"
        "- first\n- second\n   - below\n- third\n\n1. one\n2. two\n\n"
        "| item | n |\n| --- | --- |\n| nut \\| bolt | 3 |\n| x | 4 |\n\n## End\n\n"
        "if a < b:\n\n    go()\n\n1. again"
    )


def test_another_reader_sees_the_same(folder: Path) -> None:
    docx = pytest.importorskip("docx")
    documents.write_docx("a.docx", MARKDOWN)
    read = docx.Document(str(folder / "a.docx"))
    told = [(each.style.name, each.text) for each in read.paragraphs if each.text]
    assert told[:3] == [
        ("Heading 1", "Report 2026"),
        ("Normal", "A bold word, an italic one, code & <tags>, 3 * 4 * 5, snake_case_name."),
        ("List Paragraph", "first"),
    ]
    bold = [run.text for run in read.paragraphs[1].runs if run.bold]
    assert bold == ["bold"]
    [table] = read.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["item", "n"], ["nut | bolt", "3"], ["x", "4"],
    ]  # fmt: skip


def test_what_another_program_wrote_is_read(folder: Path) -> None:
    docx = pytest.importorskip("docx")
    made = docx.Document()
    made.add_heading("Title", 1)
    made.add_paragraph("Some text.").add_run(" Bold.").bold = True
    for text in ("one", "two"):
        made.add_paragraph(text, style="List Number")
    table = made.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b | c"
    made.save(str(folder / "a.docx"))
    assert documents.read_docx("a.docx") == (
        "# Title\n\nSome text.** Bold.**\n\n1. one\n2. two\n\n| a | b \\| c |\n| --- | --- |"
    )


def test_each_list_counts_from_one() -> None:
    found = [
        (block.numbering, block.level) for block in blocks("1. a\n2. b\n\n- c\n  1. d\n\n1. e")
    ]
    assert found == [(2, 0), (2, 0), (3, 0), (4, 1), (6, 0)]


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("<p>a</p><p>b<br />c</p>", "a\n\nb\nc"),
        ('<p><a href="https://x.org">go</a><a id="b"></a></p>', "[go](https://x.org)"),
        ('<p><img alt="A cat" src="" /></p>', "[image: A cat]"),
        ("<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol><p>d</p>", "1. a\n   - b\n2. c\n\nd"),
        (
            "<table><tr><td><p>a</p><p>b</p></td></tr><tr><td>c</td><td>d</td></tr></table>",
            "| a b |  |\n| --- | --- |\n| c | d |",
        ),
        ("</td></table></ol></a>", ""),
        ("<table><td>x</td>", ""),
    ],
)
def test_html_becomes_markdown(markup: str, markdown: str) -> None:
    assert of_html(markup) == markdown


def test_a_link_of_a_document_opens_no_file(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("the canary")
    documents.write_docx("a.docx", "x")
    drawing = (
        '<w:drawing><a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
        ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
        ' r:link="rId9"/></w:drawing>'
    )
    inline = (
        '<w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/'
        'wordprocessingDrawing"><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/'
        '2006/main"><a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/'
        '2006/picture"><pic:blipFill><a:blip xmlns:r="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships" r:link="rId9"/></pic:blipFill></pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing>"
    )
    target = (folder.parent / "secret.txt").as_uri()
    more = (
        '<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        f'relationships/image" Target="{target}" TargetMode="External"/></Relationships>'
    )
    source = zipfile.ZipFile(folder / "a.docx")
    with zipfile.ZipFile(folder / "evil.docx", "w") as packed:
        for name in source.namelist():
            text = source.read(name).decode()
            text = text.replace("<w:t xml", f"{drawing}{inline}<w:t xml")
            if name.endswith("document.xml.rels"):
                text = text.replace("</Relationships>", more)
            packed.writestr(name, text)
    try:
        assert "canary" not in documents.read_docx("evil.docx")
    except ToolError as error:
        assert "canary" not in str(error)


def test_damaged_and_hostile_documents_are_refused(folder: Path) -> None:
    (folder / "text.docx").write_text("hello")
    with zipfile.ZipFile(folder / "none.docx", "w") as packed:
        packed.writestr("a", "b")
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * 110_000_000)
    for name in ("text.docx", "none.docx", "bomb.docx"):
        with pytest.raises(ToolError):
            documents.read_docx(name)
    with pytest.raises(ToolError, match="more than"):
        documents.write_docx("a.docx", "x" * 2_000_001)
    documents.write_docx("a.docx", "a\x00b\x1bc\ud800d")
    assert documents.read_docx("a.docx") == "a\ufffdb\ufffdc\ufffdd"


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("documents", "smolterm_documents")
    assert found.manifest is not None and found.manifest.kind == "wasm"
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(documents, name).effect for name in effects}
