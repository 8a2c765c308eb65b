"""PDF and Word documents: what a model can call."""

from __future__ import annotations

from smolterm.pack import files, tool


@tool(effect="read")
def describe_pdf(path: str) -> dict[str, object]:
    """Tell how many pages a PDF has, its title, author, dates and outline.

    Returns:
        {"pages": 12, "title": "...", "author": "...", "created": "2026-01-31T12:00:00",
        "encrypted": False, "page_size": [210, 297], "outline": [{"title": "1 Start", "page": 1,
        "level": 1}]}; the size of the first page in millimetres.
    """
    from smolterm_documents import pdf

    return pdf.described(files.read(path), path)


@tool(effect="read")
def read_pdf(path: str, pages: str = "", limit: int = 200_000) -> list[dict[str, object]]:
    """Read the text of a PDF, page by page. Pages that are images alone have no text.

    Args:
        pages: such as "1-5,8"; empty means all.
        limit: the most characters in all; the pages behind that are left out.

    Returns:
        One dict per page: {"page": 1, "text": "..."}.
    """
    from smolterm_documents import pdf

    return pdf.texts(files.read(path), path, pages, limit)


@tool(effect="read")
def search_pdf(path: str, pattern: str, limit: int = 100) -> list[dict[str, object]]:
    """Find lines in a PDF by a regular expression.

    Args:
        pattern: a Python regular expression; "(?i)" at its start ignores case.
        limit: the most lines to return.

    Returns:
        One dict per line: {"page": 3, "text": "Total 120.00"}.
    """
    from smolterm_documents import pdf

    return pdf.found(files.read(path), path, pattern, limit)


@tool(effect="write")
def extract_pdf_pages(path: str, pages: str, target: str) -> dict[str, object]:
    """Write some pages of a PDF to a new PDF, in the order in which they are named.

    Args:
        pages: such as "1-5,8" or "3,1"; "-" between two numbers means all of them.
        target: the path of the new file.

    Returns:
        {"path": "part.pdf", "pages": 6, "size": 90210}; size in bytes.
    """
    from smolterm_documents import pdf

    content, count = pdf.extracted(files.read(path), path, pages)
    return {"path": target, "pages": count, "size": files.write(target, content)}


@tool(effect="write")
def join_pdfs(paths: list[str], target: str) -> dict[str, object]:
    """Write the pages of several PDFs, one file after the other, to a new PDF.

    Returns:
        {"path": "all.pdf", "pages": 24, "size": 180420}; size in bytes.
    """
    from smolterm_documents import pdf

    content, count = pdf.joined([(path, files.read(path)) for path in paths])
    return {"path": target, "pages": count, "size": files.write(target, content)}


@tool(effect="read")
def read_docx(path: str) -> str:
    """Read a Word document (.docx) as Markdown: headings, lists, tables, links, footnotes."""
    from smolterm_documents import docx

    return docx.markdown(files.read(path), path)


@tool(effect="write")
def write_docx(path: str, markdown: str) -> dict[str, object]:
    """Write a Word document (.docx) from Markdown, replacing it if it is there.

    Args:
        markdown: # headings, paragraphs, - and 1. lists, | tables |, **bold**, *italic*, `code`.

    Returns:
        {"path": "report.docx", "size": 4210}; size in bytes.
    """
    from smolterm_documents import written

    return {"path": path, "size": files.write(path, written.docx(markdown))}
