"""Reads a class list as spreadsheet programs write it: lines of cells, and what columns mean.

Columns are recognised in several languages, and in the exports of other systems. What had to be
assumed is told.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grader.batch.collect.spelling import folded
from grader.errors import UsageError
from grader.intake.display import one_line

MAX_CELL: Final = 2_000
_DELIMITERS: Final = ",;\t|"
# Excel's own line above the header. It may be padded with delimiters.
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?[,;\t|]*\Z', re.IGNORECASE)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_LETTER: Final = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")
# What names and titles hold in Windows-1252 besides letters.
_WINDOWS_SIGNS: Final = frozenset("\xa0\xad·´°º–—‘’“”„«»…€§&")  # noqa: RUF001
# Not seen, and not part of a name: marks of order and direction, soft hyphens, joins of words.
_UNSEEN: Final = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The lines of a file that are not empty."""

    rows: Sequence[tuple[int, Sequence[str]]]
    """Each with the line of the file that it ends in. The first is the header."""
    notes: Sequence[str]
    """What was assumed, a sentence each."""


def read_table(data: bytes, *, shown: str, is_heading: Callable[[str], bool]) -> Table:
    """The cells of a CSV file.

    Args:
        shown: What the file is called in errors.
        is_heading: Whether a cell can stand in the header; it tells what the delimiter is.

    Raises:
        UsageError: it can't be read without a guess; with the line.
    """
    text, notes = _decoded(data, shown)
    # A line ends at these and at nothing else: what U+2028 and the like part is in one cell.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    above, delimiter = _separator(text)
    if not delimiter:
        delimiter = _delimiter(text, is_heading)
    lines = text.removesuffix("\n").split("\n")[above:]
    return Table(rows=list(_rows(lines, above, delimiter, shown)), notes=notes)


def _separator(text: str) -> tuple[int, str]:
    """How many lines end with one that says what the delimiter is, and what it is."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found = _SEPARATOR.match(line.strip(" "))
            return (number, found[1]) if found else (0, "")
    return 0, ""


def _delimiter(text: str, is_heading: Callable[[str], bool]) -> str:
    def fits(delimiter: str) -> tuple[int, int]:
        try:
            reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
            header = next((row for row in reader if any(map(str.strip, row))), [])
        except csv.Error:
            return 0, 0
        return sum(map(is_heading, header)), len(header)

    return max(_DELIMITERS, key=fits)


def _rows(
    lines: Sequence[str], above: int, delimiter: str, shown: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise error_at(
                shown,
                above + reader.line_num,
                f"is not CSV: {one_line(str(error))}",
                "Check the quotation marks there, or save it as CSV (UTF-8) again.",
            ) from error
        line = above + reader.line_num
        cells = [" ".join(cell.translate(_UNSEEN).split()) for cell in row]
        if any(len(cell) > MAX_CELL for cell in cells):
            raise error_at(
                shown, line, f"has a cell of more than {MAX_CELL} characters",
                "Check the quotation marks there.",
            )  # fmt: skip
        if any(cells):
            yield line, cells


def error_at(shown: str, line: int, what: str, remedy: str) -> UsageError:
    """An error in a line of the file."""
    return UsageError(f"{shown}, line {line} {what}", remedy=remedy)


def _decoded(data: bytes, shown: str) -> tuple[str, list[str]]:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    notes: list[str] = []
    if not encoding:
        encoding = _utf_16_without_mark(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = "" if encoding != "utf-8" else _windows(data)
        if not text:
            name = encoding.removesuffix("-sig").upper()
            raise error_at(
                shown, line, f"is not {name}", "Save it as CSV UTF-8 from the spreadsheet program."
            ) from None
        example = one_line(text.split("\n")[line - 1].strip(), limit=60)
        notes.append(
            f"{shown} is not UTF-8. It was read as Windows-1252, which older spreadsheet programs "
            f"write; line {line} is: {example}. If names look wrong, save it as CSV UTF-8"
        )
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise error_at(shown, line, "holds a NUL character", "Is this a CSV file?")
    return text, notes


def _utf_16_without_mark(data: bytes) -> str:
    """Which UTF-16 it is, by a header that begins with Latin letters; or empty."""
    start = data[:8]
    even, odd = start[::2], start[1::2]
    if len(start) > 3 and not any(odd) and all(even):
        return "utf-16-le"
    if len(start) > 3 and not any(even) and all(odd):
        return "utf-16-be"
    return ""


def _windows(data: bytes) -> str:
    """The text if it can be nothing but Windows-1252, as far as names go; or empty."""
    if _UTF8_LETTER.search(data):
        return ""  # UTF-8 with damage, or two files that were put together
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    signs = {char for char in text if ord(char) > 0x7F} - _WINDOWS_SIGNS
    return text if all(unicodedata.category(sign)[0] == "L" for sign in signs) else ""


# The column of a value, by what its heading is; the first that is there counts. Compared without
# case, blanks, punctuation and accents.
_OURS: Final[Mapping[str, str]] = {
    "id": "id",
    "number": "identifier, roster identifier, user id, number",
    "sis_id": "sis user id, sis id, id number, student id, student number",
    "canvas_id": "canvas id, canvas user id",
    "participant": "participant, participant number, moodle participant",
    "name": "full name, student, student name, display name",
    "names": "name",
    "family": "last name, surname, family name",
    "given": "first name, given name",
    "email": "email, email address, mail",
    "login": "sis login id, login id",
    "integration_id": "integration id",
    "section": "section",
    "repository": "repository, repo, student repository name, student repository url, folder",
    "account": "github username, github, username, login",
    "late": "late, lateness, is late, days late",
}
# German, French, Spanish, Italian, Dutch, Portuguese: what Moodle calls them, and people.
_FOREIGN: Final[Mapping[str, str]] = {
    "number": "identifiant, identificador, identificatie, nummer, kennung",
    "sis_id": "id-nummer, matrikelnummer, matrikelnr, matrikel, sis-benutzer-id, "
    "numéro d'identification, numéro étudiant, no étudiant, n° étudiant, identifiant sis, "
    "número de id, número de identificación, codice identificativo, numero di matricola, "
    "matricola, studentnummer, número de identificação",
    "canvas_id": "canvas-benutzer-id, identifiant canvas",
    "participant": "teilnehmernummer, numéro de participant",
    "name": "vollständiger name, vor- und nachname, name und vorname, teilnehmer/in, studierende, "
    "student/in, schüler/in, nom complet, nom et prénom, étudiant, élève, nombre completo, "
    "nome completo, nome e cognome, volledige naam, naam",
    "names": "nom, nombre, nome",
    "family": "nachname, familienname, zuname, nom de famille, apellidos, apellido, cognome, "
    "achternaam, sobrenome, apelido",
    "given": "vorname, rufname, prénom, voornaam",
    "email": "e-mail-adresse, mailadresse, e-mailadres, adresse de courriel, courriel, "
    "adresse e-mail, adresse électronique, dirección de correo, correo electrónico, correo, "
    "dirección email, indirizzo email, endereço de e-mail",
    "login": "sis-anmelde-id, identifiant de connexion sis",
    "section": "abschnitt, gruppe, groupe",
    "account": "anmeldename, benutzername, nutzername, nom d'utilisateur, nombre de usuario, "
    "nome utente, gebruikersnaam, nome de usuário",
    "late": "verspätet, verspätung, zu spät, retard, en retard",
}


def _spelt(table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {field: tuple(map(folded, texts.split(", "))) for field, texts in table.items()}


_OUR_SPELLINGS: Final = _spelt(_OURS)
_ALL_SPELLINGS: Final = {
    field: (*spellings, *_spelt(_FOREIGN).get(field, ()))
    for field, spellings in _OUR_SPELLINGS.items()
}
_FIELDS: Final = {
    spelling: field for field, spellings in _ALL_SPELLINGS.items() for spelling in spellings
}


def is_heading(cell: str) -> bool:
    """Whether a cell is the heading of a column that is understood."""
    return folded(cell) in _FIELDS


def is_ours(cell: str) -> bool:
    """Whether a cell is a heading as the documentation has it."""
    return any(folded(cell) in spellings for spellings in _OUR_SPELLINGS.values())


def columns_of(header: Sequence[str]) -> dict[str, list[int]]:
    """Where each field stands: in one column, or in several that are called the same.

    ``names`` is a column that may hold whole names or a part of them.
    """
    spelt = [folded(cell) for cell in header]
    found: dict[str, list[int]] = {}
    for field, spellings in _ALL_SPELLINGS.items():
        heading = next((each for each in spellings if each in spelt), None)
        if heading is not None:
            found[field] = [at for at, each in enumerate(spelt) if each == heading]
    return found
