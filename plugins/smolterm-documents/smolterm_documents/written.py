"""Markdown as a Word document: the few parts of its format (ECMA-376) that a text needs. Pure.

python-docx is not used: it stands on lxml, which is no pure Python and so not for a wasm pack.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from smolterm.pack import ToolError

LONGEST = 2_000_000
"""Characters."""
MOST_COLUMNS = 63
MOMENT = (2026, 1, 1, 0, 0, 0)
"""Of each part, so that the same text gives the same file."""
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
OPEN = "http://schemas.openxmlformats.org"

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"(\s*)(?:([-*+])|\d{1,9}[.)])\s+(.*)")
_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*")
_MARKS = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|`(?P<code>[^`]+)`"
    r"|(?<![\w*])[*_](?!\s)(?P<italic>[^*_]+)(?<!\s)[*_](?![\w*])"
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

TYPES = f"""{HEAD}<Types xmlns="{OPEN}/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/>
<Override PartName="/word/numbering.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml"/>
</Types>"""  # noqa: E501
RELATIONS = f"""{HEAD}<Relationships xmlns="{OPEN}/package/2006/relationships">
<Relationship Id="rId1" Type="{OPEN}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>"""  # noqa: E501
INNER = f"""{HEAD}<Relationships xmlns="{OPEN}/package/2006/relationships">
<Relationship Id="rId1" Type="{OPEN}/officeDocument/2006/relationships/styles" Target="styles.xml"/>
<Relationship Id="rId2" Type="{OPEN}/officeDocument/2006/relationships/numbering" Target="numbering.xml"/>
</Relationships>"""  # noqa: E501


@dataclass(frozen=True)
class Block:
    """A paragraph, or a table where it has rows."""

    text: str = ""
    style: str = ""
    numbering: int = 0
    """The list that it is an item of; 0: none."""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def docx(markdown: str) -> bytes:
    """Return the bytes of a document.

    Raises:
        ToolError: the text is too long.
    """
    if len(markdown) > LONGEST:
        raise ToolError(f"The text has more than {LONGEST} characters.")
    found = list(blocks(_NOT_XML.sub("\ufffd", markdown)))
    lists = max((block.numbering for block in found), default=0)
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": RELATIONS,
        "word/_rels/document.xml.rels": INNER,
        "word/styles.xml": _styles(),
        "word/numbering.xml": _numbering(lists),
        "word/document.xml": _document(found),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            about = zipfile.ZipInfo(name, MOMENT)
            about.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(about, text)
    return target.getvalue()


def blocks(markdown: str) -> Iterator[Block]:
    """Yield what a Markdown text consists of.

    Lists have odd numbers where their items have signs and even ones where they are counted; each
    list has a number of its own, so that it counts from 1.
    """
    lines = markdown.replace("\r\n", "\n").expandtabs(4).split("\n")
    at = lists = 0
    last = ""
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip():
            last = ""
        elif line.lstrip().startswith("```"):
            end = next((n for n in range(at, len(lines)) if "```" in lines[n]), len(lines))
            yield from (Block(code, "Code") for code in lines[at:end])
            at = end + 1
        elif match := _HEADING.fullmatch(line.strip()):
            yield Block(match[2].rstrip("# "), f"Heading{len(match[1])}")
        elif match := _ITEM.fullmatch(line):
            kind = "signs" if match[2] else "counted"
            if last != kind and not (last and match[1]):
                lists += 2
                last = kind
            number = lists - 1 if kind == "signs" else lists
            yield Block(match[3], "ListParagraph", number, min(len(match[1]) // 2, 8))
        elif "|" in line and at < len(lines) and "-" in lines[at] and _RULE.fullmatch(lines[at]):
            end = next((n for n in range(at, len(lines)) if "|" not in lines[n]), len(lines))
            yield Block(rows=tuple(_cells(row) for row in (line, *lines[at + 1 : end])))
            at = end
        else:
            text = [line.strip()]
            while at < len(lines) and lines[at].strip() and not _starts(lines[at]):
                text.append(lines[at].strip())
                at += 1
            yield Block(" ".join(text))


def _starts(line: str) -> bool:
    """Whether a line ends the paragraph before it."""
    return bool(
        _HEADING.fullmatch(line.strip()) or _ITEM.fullmatch(line) or "|" in line or "```" in line
    )


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    cells = re.split(r"(?<!\\)\|", inner)[:MOST_COLUMNS]
    return tuple(cell.strip().replace("\\|", "|") for cell in cells)


def _document(found: list[Block]) -> str:
    body = "".join(_table(block) if block.rows else _paragraph(block) for block in found)
    return f"{HEAD}<w:document {W}><w:body>{body}<w:sectPr/></w:body></w:document>"


def _paragraph(block: Block) -> str:
    about = f'<w:pStyle w:val="{block.style}"/>' if block.style else ""
    if block.numbering:
        level, number = f'<w:ilvl w:val="{block.level}"/>', f'<w:numId w:val="{block.numbering}"/>'
        about += f"<w:numPr>{level}{number}</w:numPr>"
    text = _run(block.text) if block.style == "Code" else _runs(block.text)
    return f"<w:p><w:pPr>{about}</w:pPr>{text}</w:p>"


def _table(block: Block) -> str:
    width = max(map(len, block.rows))
    lines = []
    for at, row in enumerate(block.rows):
        cells = ""
        for cell in (row + ("",) * width)[:width]:
            text = _run(cell, "<w:b/>") if at == 0 else _runs(cell)
            cells += f"<w:tc><w:tcPr/><w:p>{text}</w:p></w:tc>"
        head = "<w:trPr><w:tblHeader/></w:trPr>" if at == 0 else ""
        lines.append(f"<w:tr>{head}{cells}</w:tr>")
    grid = "<w:gridCol/>" * width
    about = '<w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="0" w:type="auto"/></w:tblPr>'
    return f"<w:tbl>{about}<w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl><w:p/>"


def _runs(text: str) -> str:
    """Return text with its bold, italic and code parts."""
    found, at = "", 0
    for match in _MARKS.finditer(text):
        found += _run(text[at : match.start()])
        if match["bold"] is not None:
            found += _run(match["bold"], "<w:b/>")
        elif match["code"] is not None:
            found += _run(match["code"], '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas"/>')
        else:
            found += _run(match["italic"], "<w:i/>")
        at = match.end()
    return found + _run(text[at:])


def _run(text: str, about: str = "") -> str:
    if not text:
        return ""
    return f'<w:r><w:rPr>{about}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _styles() -> str:
    headings = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
        f'<w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/><w:pPr><w:keepNext/>'
        f'<w:spacing w:before="240" w:after="80"/><w:outlineLvl w:val="{level - 1}"/></w:pPr>'
        f'<w:rPr><w:b/><w:sz w:val="{40 - 4 * level}"/></w:rPr></w:style>'
        for level in range(1, 7)
    )
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    return (
        f'{HEAD}<w:styles {W}><w:style w:type="paragraph" w:default="1" w:styleId="Normal">'
        '<w:name w:val="Normal"/><w:qFormat/><w:pPr><w:spacing w:after="120"/></w:pPr></w:style>'
        f'{headings}<w:style w:type="paragraph" w:styleId="ListParagraph">'
        '<w:name w:val="List Paragraph"/><w:basedOn w:val="Normal"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="Code"/>'
        '<w:basedOn w:val="Normal"/><w:pPr><w:spacing w:after="0"/></w:pPr><w:rPr>'
        '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas"/></w:rPr></w:style>'
        '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:tblPr>'
        f"<w:tblBorders>{sides}</w:tblBorders></w:tblPr></w:style></w:styles>"
    )


def _numbering(lists: int) -> str:
    kinds = "".join(
        f'<w:abstractNum w:abstractNumId="{kind}"><w:multiLevelType w:val="hybridMultilevel"/>'
        + "".join(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
            f'<w:lvlText w:val="{sign.format(level + 1)}"/><w:pPr>'
            f'<w:ind w:left="{720 * (level + 1)}" w:hanging="360"/></w:pPr></w:lvl>'
            for level in range(9)
        )
        + "</w:abstractNum>"
        for kind, form, sign in ((0, "decimal", "%{}."), (1, "bullet", "•"))
    )
    used = "".join(
        f'<w:num w:numId="{number}"><w:abstractNumId w:val="{number % 2}"/>'
        + ('<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
           if number % 2 == 0 else "")
        + "</w:num>"
        for number in range(1, lists + 1)
    )  # fmt: skip
    return f"{HEAD}<w:numbering {W}>{kinds}{used}</w:numbering>"
