"""Texts that a user of the product sees, always in Vietnamese and English."""

from typing import Literal, NamedTuple

Language = Literal["vi", "en"]

DEFAULT_LANGUAGE: Language = "vi"


class Text(NamedTuple):
    """One sentence in both languages; ``{name}`` marks what `format` fills in."""

    vi: str
    en: str

    def format(self, **values: object) -> "Text":
        """Return the text with its ``{name}`` fields filled in, in both languages."""
        return Text(vi=self.vi.format(**values), en=self.en.format(**values))

    def in_language(self, language: Language) -> str:
        """Return the sentence in one language."""
        return self.en if language == "en" else self.vi
