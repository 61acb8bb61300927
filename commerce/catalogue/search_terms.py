"""The words that a product is found by.

Text without spaces between words (Chinese, Thai, ...) is cut into pairs of characters, so that
any two neighbouring characters find it.
"""

import re
import unicodedata

MAX_TERM = 40
MAX_TERMS = 400

_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+"
)
_WORD = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*")


def search_terms(*texts: str) -> list[str]:
    """Sorted distinct terms of some texts, as stored."""
    found: set[str] = set()
    for text in texts:
        for word in _words(text):
            found.add(word)
            found.update(part for part in re.split(r"[-.]", word) if part)
    return sorted(found)[:MAX_TERMS]


def wanted_terms(query: str) -> list[str]:
    """The terms that all must begin some term of a product for it to match, at most eight."""
    return list(dict.fromkeys(_words(query)))[:8]


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words: list[str] = []
    for run in _UNSPACED.findall(folded):
        words += [run[n : n + 2] for n in range(max(1, len(run) - 1))]
    words += _WORD.findall(_UNSPACED.sub(" ", folded))
    return [word[:MAX_TERM] for word in words]
