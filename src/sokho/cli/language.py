"""Which language the command line speaks: SOKHO_LANG, else the locale, else Vietnamese."""

import os
from functools import cache

from sokho.core.domain.texts import DEFAULT_LANGUAGE, Language, Text


@cache
def language() -> Language:
    """Return the language of this run."""
    for variable in ("SOKHO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        chosen = os.environ.get(variable, "")[:2].lower()
        if chosen == "en":
            return "en"
        if chosen == "vi":
            return "vi"
    return DEFAULT_LANGUAGE


def tr(vi: str, en: str) -> str:
    """Return the sentence in the language of this run."""
    return Text(vi, en).in_language(language())
