"""Secrets are taken out here: by the name they go by, by what they look like, and by being registered.

Everything that is stored or printed passes this one place, in the background. A cheap look for tell-tale
words comes first, so that records without any cost about a microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

REDACTED = "[redacted]"
_SECRET_WORDS = (
    r"authorization|cookie|token|secret|passw(?:or)?d|passphrase|passwd|api[-_]?key|private[-_]?key"
    r"|credential|(?<![a-z])dsn(?![a-z])"
)
_NEEDLES = (
    "authoriz",
    "cookie",
    "token",
    "secret",
    "passw",
    "passphrase",
    "apikey",
    "api_key",
    "api-key",
    "privatekey",
    "private_key",
    "private-key",
    "private key",
    "credential",
    "dsn",
    "://",
    "bearer",
    "basic ",
    "eyj",
    "sk-",
    "sk_",
    "ghp_",
    "github_pat_",
    "xox",
    "akia",
)
_URL_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.\-]{0,30}://)[^\s/?#\"'<>]*@", re.IGNORECASE)
_HEADERS = re.compile(
    r"((?:set-)?cookie|(?:proxy-)?authorization)(\\?[\"']?\s*:\s*\\?[\"']?)(?![\[{\s])[^\r\n\"'\\]+",
    re.IGNORECASE,
)
# A word of prose after `basic` has no digit, capital or sign in it.
_SCHEMES = re.compile(r"\b((?i:bearer|basic))\s+(?=\S*[A-Z0-9=_])[A-Za-z0-9._~+/=\-]{6,}")
_SHAPES = re.compile(
    r"\beyJ[\w\-]{6,2000}\.[\w\-]+(?:\.[\w\-]*)?"
    r"|\b(?:sk|rk|pk)[-_](?:[a-z]{1,20}[-_])?[A-Za-z0-9_\-]{16,200}"
    r"|\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9\-]{10,}|\bAKIA[A-Z0-9]{12,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_MAX_KEY_CHARS = 200
_MAX_DEPTH = 200


def known_secrets(environment: Mapping[str, str]) -> list[str]:
    """Values of environment variables whose names say that they are secret, and passwords in URLs."""
    named = re.compile(_SECRET_WORDS, re.IGNORECASE)
    found = [value for name, value in environment.items() if named.search(name) and len(value) >= 8]
    for value in environment.values():
        if "://" in value and (password := urlsplit(value).password):
            found.append(password)
    return found


class Redactor:
    """Takes secrets out of texts and of JSON-like trees.

    `keys` are more names (parts of a key, any case) whose values are secret; `secrets` are texts that are
    secret wherever they stand (shorter than 4 characters they are ignored: they would match everywhere);
    `patterns` are regular expressions of secrets.
    """

    def __init__(
        self, keys: Iterable[str] = (), *, secrets: Iterable[str] = (), patterns: Iterable[str] = ()
    ) -> None:
        keys = [key.lower() for key in keys if key]
        words = "|".join([_SECRET_WORDS, *map(re.escape, keys)])
        self._key = re.compile(words, re.IGNORECASE)
        # The name may be quoted and the value too, as in JSON, a query, an environment or a traceback.
        self._assignment = re.compile(
            rf"((?:{words})[\w\-]{{0,40}}\\?[\"']?\s*[:=]\s*)"
            r"(\\?\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|(?!\[redacted\])[^\s\"'&,;)}\]]+)",
            re.IGNORECASE,
        )
        self._needles = (*_NEEDLES, *keys)
        self._secrets = tuple(
            sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
        )
        self._patterns = tuple(re.compile(pattern) for pattern in patterns)

    def suspicious(self, text: str) -> bool:
        """Whether `text` (also JSON text) could hold a secret; False is certain."""
        lower = text.lower()
        for needle in self._needles:
            if needle in lower:
                return True
        return any(secret in text for secret in self._secrets) or bool(self._patterns)

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if not self.suspicious(text):
            return text
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        text = _URL_USERINFO.sub(rf"\1{REDACTED}@", text)
        text = _SHAPES.sub(REDACTED, text)
        text = _HEADERS.sub(rf"\1\2{REDACTED}", text)
        text = _SCHEMES.sub(rf"\1 {REDACTED}", text)
        return self._assignment.sub(rf"\1{REDACTED}", text)

    def value(self, value: Any) -> Any:
        """A copy of a tree of objects, lists and plain values, without secrets."""
        return self._value(value, 0)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth > _MAX_DEPTH:
            return REDACTED
        if isinstance(value, dict):
            return {self._field(key): self._member(key, item, depth) for key, item in value.items()}
        if isinstance(value, list | tuple):
            # A header as a pair: what would be the key stands before the value.
            if (
                len(value) == 2
                and all(isinstance(item, str) for item in value)
                and self._names_secret(value[0])
            ):
                return [value[0], REDACTED]
            return [self._value(item, depth + 1) for item in value]
        return value

    def _field(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) and len(key) > 15 else key

    def _member(self, key: Any, item: Any, depth: int) -> Any:
        if not isinstance(key, str) or item is None or isinstance(item, bool) or not self._names_secret(key):
            return self._value(item, depth + 1)
        # Counts such as `max_tokens` are no secrets; a number under `password` may be one.
        if isinstance(item, int | float) and "token" in key.lower():
            return item
        return REDACTED

    def _names_secret(self, key: str) -> bool:
        return len(key) <= _MAX_KEY_CHARS and self._key.search(key) is not None
