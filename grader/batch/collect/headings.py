"""What the columns of class lists are called, here and in the exports of other systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grader.batch.collect.spelling import folded

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
    """Whether a cell is called like a column that is understood."""
    return folded(cell) in _FIELDS


def is_ours(cell: str) -> bool:
    """Whether it is called as the documentation has it."""
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
