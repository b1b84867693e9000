"""What GitHub's Markdown makes of a text: CommonMark with tables, and raw HTML kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

_AUTOLINK = re.compile(r"(?i)(https?://|ftp://|www\.|mailto:|xmpp:)")


class Rendered(HTMLParser):
    """The tags and the text of a rendered summary."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: list[str] = []
        self.source = markdown
        made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.html = made.render(markdown)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def linked(self) -> list[str]:
        """What GitHub would make a link of although no sign of Markdown says so.

        Its autolinks are found in the source, so a reference there ends one.
        """
        outside = re.sub(r"(?s)<pre>.*?</pre>", "", self.source)
        return _AUTOLINK.findall(outside)
