"""Who may use the console: a token once, then a signed cookie that needs no memory of ours.

The key that signs cookies lies in the project's runtime directory, so that a page stays signed in while nodes
and supervisors come and go; the token in the printed address is new at each start.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from motia.errors import AccessError, InputError, SettingsError
from motia.settings import Settings
from motia.workbench.guard import is_loopback

SECRETS_FILE = "console.json"
DEVELOPMENT_LIFETIME_S = 30 * 86_400
PRODUCTION_LIFETIME_S = 12 * 3_600
_ATTEMPTS = 10
_ATTEMPTS_WITHIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class ConsoleSecrets:
    """What opens the console (`token`) and what signs its cookies (`key`)."""

    token: str
    key: str

    @classmethod
    def fresh(cls, password: str | None = None, key: str | None = None) -> ConsoleSecrets:
        return cls(password or secrets.token_hex(16), key or secrets.token_hex(32))


def renew_secrets(runtime_dir: Path, password: str | None) -> ConsoleSecrets:
    """A new token for this start beside the key of earlier ones; nodes find both by `read_secrets`.

    Failure: `SettingsError` `settings.runtime_dir` where the file cannot be written.
    """
    path = runtime_dir / SECRETS_FILE
    earlier = read_secrets(runtime_dir)
    made = ConsoleSecrets.fresh(password, earlier.key if earlier else None)
    draft = path.with_suffix(".new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            json.dump({"token": made.token, "key": made.key}, file)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: expected to write it, got {error.strerror or error}",
            code="settings.runtime_dir",
            hint="set XDG_RUNTIME_DIR to a directory of yours",
        ) from error
    return made


def read_secrets(runtime_dir: Path) -> ConsoleSecrets | None:
    """The secrets of the running project; None where it has made none, or the file is not ours alone."""
    path = runtime_dir / SECRETS_FILE
    try:
        found = path.lstat()
        if found.st_mode & 0o077 or found.st_uid != os.getuid():
            return None
        document = json.loads(path.read_text())
        return ConsoleSecrets(str(document["token"]), str(document["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        # Whatever it is, it is no use: new secrets are made.
        return None


def check_reach(settings: Settings) -> None:
    """Refuse to open a console to other machines that only a printed token guards, unless for development.

    Failure: `SettingsError` `settings.workbench`.
    """
    production = settings.mode == "production"
    if production and not is_loopback(settings.host) and settings.workbench.password is None:
        raise SettingsError(
            f"workbench: expected workbench.password for a console on {settings.host}, got none",
            code="settings.workbench",
            hint="set MOTIA_WORKBENCH__PASSWORD (12 characters or more), or listen on 127.0.0.1",
        )


class Sessions:
    """Checks tokens and cookies of one console. `port` is in the cookie's name: browsers keep cookies by
    host, and a second project on this host is another console."""

    def __init__(self, held: ConsoleSecrets, *, lifetime_s: int) -> None:
        self._token = held.token
        # With another password every session of the old one is over.
        self._key = hmac.digest(held.key.encode(), hashlib.sha256(b"cookie").digest(), "sha256")
        self._lifetime_s = lifetime_s
        self._failures: deque[int] = deque(maxlen=_ATTEMPTS)

    def sign_in(self, token: object, now_ms: int) -> str:
        """The value of a new session's cookie.

        Failure: `AccessError` `console.bad_token`, `InputError` `console.too_many_attempts` (429).
        """
        if len(self._failures) == _ATTEMPTS and now_ms - self._failures[0] < _ATTEMPTS_WITHIN_MS:
            raise InputError(
                "console: expected fewer wrong tokens, got ten within a minute",
                code="console.too_many_attempts",
                status=429,
                hint="wait a minute",
            )
        if not isinstance(token, str) or not self._is_token(token):
            self._failures.append(now_ms)
            raise AccessError(
                "console: expected the token of the printed address, or the password; got another text",
                code="console.bad_token",
                hint="open the address that `motia dev` printed",
            )
        expires_ms = now_ms + self._lifetime_s * 1000
        return f"{expires_ms}.{self._signature(expires_ms)}"

    def knows(self, headers: Mapping[str, str], cookie_name: str, now_ms: int) -> bool:
        """Whether the request carries a session that has not ended, or the token itself."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(credentials.strip()):
            return True
        return any(
            self._is_session(value, now_ms)
            for name, _, value in (part.strip().partition("=") for part in _cookies(headers))
            if name == cookie_name
        )

    def cookie(self, name: str, value: str, *, secure: bool) -> bytes:
        """The `Set-Cookie` line; an empty value ends the session in this browser."""
        age_s = self._lifetime_s if value else 0
        flags = "; Secure" if secure else ""
        text = f"{name}={value}; Max-Age={age_s}; Path=/__motia; HttpOnly; SameSite=Strict{flags}"
        return text.encode("ascii")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _is_session(self, value: str, now_ms: int) -> bool:
        expires, _, signature = value.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 16):
            return False
        genuine = hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._signature(int(expires)).encode()
        )
        return genuine and int(expires) > now_ms

    def _signature(self, expires_ms: int) -> str:
        return hmac.new(self._key, b"%d" % expires_ms, hashlib.sha256).hexdigest()


def cookie_name(port: int) -> str:
    """Name of the session cookie of the console on this port."""
    return f"motia_console_{port}"


def _cookies(headers: Mapping[str, str]) -> list[str]:
    # Several Cookie lines were joined with a comma.
    return headers.get("cookie", "").replace(",", ";").split(";")
