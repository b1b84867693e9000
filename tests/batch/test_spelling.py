"""Whose name it is: no mark of a script is left out but Latin accents, and no two people mix."""

from __future__ import annotations

import unicodedata
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect.people import Claim
from grader.batch.collect.roster import RosterStudent
from grader.batch.collect.roster_match import NamedWork, RosterMatches, match_roster
from grader.batch.collect.spelling import exact, folded, plain


def matching(names: list[str], files: list[str]) -> RosterMatches:
    roster = [RosterStudent(line=n, name=name) for n, name in enumerate(names, 2)]
    works = {
        ("", file): NamedWork(claim=Claim(name=file, file="conv1d.mojo"), source=f"{file}.mojo")
        for file in files
    }
    return match_roster(roster, works)


def matched(names: list[str], files: list[str]) -> dict[str, str]:
    """The name on the list for each file; without those that were not matched."""
    lines = matching(names, files).lines
    return {file: lines["", file][0].name for file in files if ("", file) in lines}


MARKS = {
    "kana": ("ナガタ ユイ", "ナカタ ユイ"),
    "kana, half a mark": ("パク ハナ", "バク ハナ"),
    "small kana": ("きよ はな", "きょ はな"),
    "long kana": ("オノ ユカ", "オーノ ユカ"),
    "Devanagari vowels": ("मीना राव", "मेना राव"),
    "Devanagari nasal": ("अंश राव", "अश राव"),
    "Devanagari virama": ("सत्य राव", "सतय राव"),
    "Bengali": ("মিতা রায়", "মাতা রায়"),
    "Tamil": ("கமலா தேவி", "கமலி தேவி"),
    "Thai tones": ("ไม้ แก้ว", "ไม่ แก้ว"),
    "Thai vowels": ("กิตติ ดี", "กุตติ ดี"),
    "Khmer": ("សុខ លី", "សិខ លី"),
    "Hebrew points": ("דָּוִד לוי", "דוֹד לוי"),
    "Hebrew geresh": ("ג'ורג' כהן", "גורג כהן"),
    "Arabic hamza": ("أمل علي", "امل علي"),
    "Arabic vowels": ("حَسَن علي", "حُسْن علي"),
    "Hangul": ("김가인", "김기인"),
    "Cyrillic short i": ("Андрий Кот", "Андрии Кот"),
    "Cyrillic io": ("Алёна Кот", "Алена Кот"),
    "Greek": ("Νίκη Ρήγα", "Νική Ρήγα"),
    "Ethiopic": ("ሀና ታደሰ", "ሁና ታደሰ"),
    "Tibetan": ("བསོད་ནམས", "བསད་ནམས"),
}
FOLDING = {
    "Vietnamese tones": ("Nguyễn Thị Hương", "Nguyễn Thị Hường"),
    "Vietnamese stroke": ("Đặng Hoa", "Dặng Hoa"),
    "Polish": ("Łukasz Sas", "Lukasz Sas"),
    "Norwegian": ("Søren Bø", "Soren Bo"),
    "sharp s": ("Anna Weiß", "Anna Weiss"),
    "umlaut": ("Jörg Muller", "Jorg Müller"),
    "Icelandic": ("Þóra Guðný", "Thora Gudny"),
    "Turkish": ("I\u015f\u0131k Kaya", "Isik Kaya"),
    "Spanish": ("Ana Peña", "Ana Pena"),
    "Croatian": ("Đuro Babić", "Duro Babic"),
    "case and blanks": ("Mary Ann Lee", "Maryann Lee"),
    "words": ("Li Wei", "Wei Li"),
}  # fmt: skip
EVERY = {**MARKS, **FOLDING}


@pytest.mark.parametrize("pair", MARKS.values(), ids=MARKS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_mark_that_makes_another_name_is_never_left_out(pair, form):
    """Only the other one is on the list: it gets nothing, in either normal form."""
    for listed, other in permutations(pair):
        assert matched([listed], [unicodedata.normalize(form, other)]) == {}
        assert matched([listed], [unicodedata.normalize(form, listed)]) != {}


@pytest.mark.parametrize("pair", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_that_is_spelt_exactly_wins(pair, form):
    """Both are on the list, whoever of them handed in."""
    own = {name: unicodedata.normalize(form, name) for name in pair}
    assert matched(list(pair), list(own.values())) == {file: name for name, file in own.items()}
    for name, file in own.items():
        assert matched(list(pair), [file]) == {file: name}


def orders(name: str) -> set[str]:
    return {plain("".join(words)) for words in permutations(name.replace(",", " ").split())}


@pytest.mark.parametrize("pair", FOLDING.values(), ids=FOLDING)
def test_a_name_without_accents_is_nobodys_where_two_could_be_meant(pair):
    file = folded(pair[0])
    alike = [name for name in pair if file in orders(name)]
    assert matched(list(pair), [file]) == ({file: alike[0]} if len(alike) == 1 else {})


@pytest.mark.parametrize(
    ("listed", "file"),
    [
        ("Jörg Müller", "Jorg Muller"),
        ("Jörg Müller", "muller-jorg"),
        ("Müller, Jörg", "müllerjörg"),
        ("Łukasz Żak", "lukasz zak"),
        ("Søren Bø", "SOREN BO"),
        ("Nguyễn Thị Hương", "nguyen thi huong"),
        ("Đặng Hoa", "dang hoa"),
        ("Anna Weiß", "anna.weiss"),
        ("İbrahim Çelik", "ibrahim celik"),
        ("İbrahim Çelik", "ibrahim çelik"),
        ("Jose Garcia", "José García"),
        ("ΓΙΩΡΓΟΣ ΠΑΠΑΣ", "Γιωργος Παπας"),
        ("ﾅｶﾞﾀ ﾕｲ", "ナガタ ユイ"),
        ("O'Brien, Pat", "OBrien Pat"),
    ],
)
def test_what_is_a_habit_is_understood(listed, file):
    assert matched([listed], [file]) == {file: listed}


def test_who_writes_accents_means_them():
    found = matching(["Nguyễn Thị Hương"], ["Nguyễn Thị Hường"])
    assert not found.lines
    assert "is spelt like line 2 (Nguyễn Thị Hương) of the roster but for accents" in found.notes[0]


def test_a_list_with_accents_means_their_absence_too():
    assert matched(["Lê Thị Hoà", "Huong"], ["Hường"]) == {}


def test_a_line_is_of_the_file_that_is_spelt_exactly():
    found = matching(["Hương"], ["Hương", "Huong"])
    assert found.lines.keys() == {("", "Hương")}
    assert "Huong (Huong.mojo) could be line 2" in found.notes[0]
    assert "the name of another (Hương.mojo) is more like it" in found.notes[0]


def test_accents_are_not_left_out_where_two_files_could_have_left_them_out():
    assert matched(["Hương"], ["Huong", "Hường"]) == {}


def test_a_number_does_not_help_another_name():
    """Canvas's user ID of one and the name of the other."""
    roster = [
        RosterStudent(line=2, name="Nguyễn Thị Hương", canvas_id="7"),
        RosterStudent(line=3, name="Nguyễn Thị Hường", canvas_id="8"),
    ]
    claims = [
        Claim(name=name, id=id, numbered_by="Canvas", file="x.mojo")
        for name, id in (("nguyễnthịhương", "8"), ("nguyenthihuong", "7"))
    ]
    works = {(each.id, each.name): NamedWork(claim=each, source=each.name) for each in claims}
    found = match_roster(roster, works)
    assert {id: [line.line for line in lines] for (id, _), lines in found.lines.items()} == {
        "7": [2]
    }


ALPHABETS = [
    "カガキギハバパ゙゚", "कािीेंत्ु", "กดิุ่้", "אבָּוֹ'\u05f3", "اأإعلَُ", "가나강ᄀ", "aáàăâåäeéėi\u0131İoøöōuưứ",
    "dđðlłsśšşßzżcçk",
]  # fmt: skip
WORD = st.one_of([st.text(alphabet, min_size=1, max_size=3) for alphabet in ALPHABETS])
NAME = st.lists(WORD, min_size=1, max_size=2).map(" ".join).filter(plain)
SPELT = st.sampled_from(
    [
        lambda name: name,
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: unicodedata.normalize("NFKC", name),
        str.upper,
        str.lower,
        plain,
        folded,
        lambda name: ", ".join(reversed(name.split())),
    ]
)


@given(
    st.lists(NAME, min_size=1, max_size=5, unique_by=lambda name: exact(name)),
    st.lists(st.tuples(st.integers(0, 4), SPELT), min_size=1, max_size=6),
    st.lists(NAME, max_size=3),
)
def test_no_two_people_of_a_list_get_each_others_work(names, spelt, strangers):
    """Whose name is spelt exactly gets exactly that; nobody is given what is as much another's."""
    own = [(names[at % len(names)], how) for at, how in spelt]
    files = list(dict.fromkeys([*(how(name) for name, how in own), *strangers]))
    found = matched(names, files)
    assert len(set(found.values())) == len(found)
    for file, name in found.items():
        assert folded(file) in {folded(each) for each in orders(name)}
        equal = [each for each in names if exact(each) == exact(file)]
        alike = [each for each in names if plain(file) in orders(each)]
        assert name in (equal or alike or [name])
        assert equal or len(alike) <= 1
        both_accented = plain(file) != folded(file) and plain(name) != folded(name)
        assert alike or not both_accented


@given(st.lists(NAME, min_size=1, max_size=6, unique_by=lambda name: exact(name)))
def test_everybody_who_spells_the_name_as_it_is_listed_gets_the_own(names):
    assert matched(names, names) == {name: name for name in names}


@given(NAME)
def test_spellings_are_settled(name):
    assert exact(exact(name)) == exact(name)
    assert plain(plain(name)) == plain(name)
    assert folded(folded(name)) == folded(name)
    assert plain(unicodedata.normalize("NFD", name)) == plain(name)
