"""An HTML page, parsed as far as the tests have to look."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "line", "path", "br", "img", "link", "input", "source", "hr"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; complains about what does not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[tuple[int, str]] = []
        self.texts: list[str] = []
        self.title = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes {self._open[-1]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        for level in (1, 2, 3):
            if f"h{level}" in self._open:
                self.headings[-1] = (level, self.headings[-1][1] + data)

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def having(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every ``tag``."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def sections(self) -> list[str]:
        """The second-level headings in order."""
        return [" ".join(text.split()) for level, text in self.headings if level == 2]
