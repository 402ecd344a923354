"""Signs what a review link holds: which link it is and until when. Knows nothing of the database."""

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Literal

from itsdangerous import BadSignature, URLSafeSerializer

from core.errors import ConfigError, InputError, OutputError

__all__ = ["LinkError", "Reason", "new_id", "read_secret", "read_token", "sign_token"]

Reason = Literal["tampered", "expired", "revoked", "password_needed", "wrong_password", "throttled", "not_joined"]

_SECRET_FILE = "secret"
_LEAST_SECRET_CHARS = 16


class LinkError(InputError):
    """A review link does not open; `reason` is a short word for it, the message a sentence for the reviewer.

    Args:
        retry_after_s: when it is worth trying again, where it is.
    """

    def __init__(self, reason: Reason, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s


def new_id() -> str:
    """Random name; of hexadecimal digits, since one that began with "-" would look like an option."""
    return secrets.token_hex(8)


def read_secret(root: Path) -> bytes:
    """What links are signed with: $MONTAGE_SECRET, else the file `secret` in the folder of reviews, made once.

    Raises:
        ConfigError: the secret is too short, or others may read the file.
        OutputError: the file can be neither read nor made.
    """
    named = os.environ.get("MONTAGE_SECRET")
    if named is not None:
        return _checked(named.encode(), "$MONTAGE_SECRET")
    path = root / _SECRET_FILE
    try:
        if not path.exists():
            _make_secret(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} signs review links, but others may read it; run: chmod 600 {path}")
        return _checked(path.read_bytes().strip(), str(path))
    except OSError as error:
        raise OutputError(
            f"cannot read or make {path}: {error.strerror or error}; set MONTAGE_SECRET, or MONTAGE_REVIEWS to a "
            "folder that may be written"
        ) from None


def sign_token(secret: bytes, link_id: str, expires_at_s: float) -> str:
    """The token of a link."""
    token = _serializer(secret).dumps([link_id, int(expires_at_s)])
    return token if isinstance(token, str) else token.decode()


def read_token(secret: bytes, token: str, *, now_s: float) -> str:
    """The link that a token names.

    Raises:
        LinkError: `tampered` or `expired`.
    """
    try:
        link_id, expires_at_s = _serializer(secret).loads(token.strip())
    except (BadSignature, ValueError, TypeError):
        raise LinkError(
            "tampered",
            "This review link is damaged or incomplete. Copy the whole link from the message it came in, or ask the "
            "editor for a new one.",
        ) from None
    if now_s >= expires_at_s:
        raise expired()
    return str(link_id)


def expired() -> LinkError:
    """The error of a link whose time is over."""
    return LinkError("expired", "This review link has expired. Ask the editor for a new one; your votes are kept.")


def _serializer(secret: bytes) -> URLSafeSerializer:
    # The library's own defaults are SHA-1 and plain concatenation.
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(secret, salt="montage.review-link.1", signer_kwargs=options)


def _make_secret(path: Path) -> None:
    """Written beside and linked: of two processes that make it at once, both then read the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".secret.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        os.unlink(beside)


def _checked(secret: bytes, where: str) -> bytes:
    if len(secret) < _LEAST_SECRET_CHARS:
        raise ConfigError(
            f"{where} must hold at least {_LEAST_SECRET_CHARS} characters, got {len(secret)}; for example from: "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return secret
