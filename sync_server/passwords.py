"""What a password has to be that a person chooses. Pure."""

from __future__ import annotations

SHORTEST, LONGEST = 10, 1000
# what is tried first everywhere, and what people here would think of; compared without case, blanks and marks
_TRIED = ("password", "passw0rd", "qwerty", "qwertyuiop", "admin", "administrator", "welcome", "iloveyou", "jingtu", "letmein",
          "woaini", "5201314", "1314520", "abc", "abcd", "test", "root", "user")  # fmt: skip
_ROWS = ("01234567890", "qwertyuiopasdfghjklzxcvbnm", "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb6yhn7ujm")


def weak(password: str, *known: str) -> dict[str, str] | None:
    """Why this password will not do, zh and en; None where it does. `known`: what anybody knows of the person (names)."""
    if len(password) < SHORTEST:
        return {"zh": f"至少 {SHORTEST} 个字符", "en": f"it needs at least {SHORTEST} characters"}
    if len(password) > LONGEST:
        return {"zh": f"最多 {LONGEST} 个字符", "en": f"it has at most {LONGEST} characters"}
    plain = "".join(c for c in password.casefold() if c.isalnum())
    if len(set(password)) < 5 or any(_along(plain, row) for row in _ROWS):
        return {"zh": "不要用重复或连续的字符", "en": "no repeated or consecutive characters"}
    if any(_only(plain, word) for word in _TRIED):
        return {"zh": "太常见，会最先被试到", "en": "it is among the first that are tried"}
    for name in known:
        word = "".join(c for c in name.casefold() if c.isalnum())
        if len(word) >= 2 and _only(plain, word):
            return {"zh": "不要用自己的姓名或用户名", "en": "not your own name or user name"}
    return None


def _only(plain: str, word: str) -> bool:
    """The word, once or more, and beside it nothing but a few digits."""
    rest = plain.replace(word, "")
    return rest != plain and (not rest or rest.isdigit() and len(rest) <= 8)


def _along(plain: str, row: str) -> bool:
    """All of it follows a row of keys, forwards or back."""
    both = row * 3 + " " + row[::-1] * 3
    return len(plain) >= 4 and plain in both
