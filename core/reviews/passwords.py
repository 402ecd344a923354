"""Passwords of review links: slow salted hashes, and a limit on how often one may guess."""

import base64
import binascii
import hashlib
import hmac
import math
import os

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.errors import ConfigError
from core.reviews.schema import Link, PasswordAttempt
from core.reviews.tokens import LinkError

__all__ = ["attempt", "check_password", "forgive", "hash_password", "is_password", "throttle_key"]

_LEAST_CHARS, _MOST_CHARS = 6, 1000
_N, _R, _P = 2**14, 8, 5
"""Of scrypt: 16 MB and about 0.2 s a guess (OWASP password storage, equal to N=2**17, P=1)."""
_MAX_MEMORY_BYTES = 64 * 2**20

WINDOW_S = 15 * 60
MOST_BY_CLIENT = 5
MOST_BY_LINK = 50
"""In the window, from everywhere: behind a tunnel all reviewers may look like one client, a guesser like many."""


def hash_password(password: str) -> str:
    """Salted scrypt hash, with its parameters.

    Raises:
        ConfigError: the password is too short or absurdly long.
    """
    check_password(password)
    salt = os.urandom(16)
    parts = (salt, _scrypt(password, salt, _N, _R, _P))
    return "$".join(["scrypt", str(_N), str(_R), str(_P), *(base64.b64encode(part).decode() for part in parts)])


def check_password(password: str) -> None:
    """Raises a ConfigError for a password that is too short or absurdly long."""
    if not _LEAST_CHARS <= len(password) <= _MOST_CHARS:
        raise ConfigError(f"a review's password needs {_LEAST_CHARS} to {_MOST_CHARS} characters, got {len(password)}")


def is_password(password: str, hashed: str) -> bool:
    """Whether a password is the one that was hashed."""
    try:
        _, n, r, p, salt, wanted = hashed.split("$")
        numbers, salt_, wanted_ = (int(n), int(r), int(p)), base64.b64decode(salt), base64.b64decode(wanted)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(_scrypt(password[:_MOST_CHARS], salt_, *numbers), wanted_)


def throttle_key(secret: bytes, client: str) -> str:
    """What stands for a client (its address) in the database: a keyed checksum, so that no address is kept."""
    return hmac.new(secret, b"client:" + client.encode(), hashlib.sha256).hexdigest()[:40]


def attempt(session: Session, link: Link, client: str, *, now_s: float) -> int:
    """Note that a password is about to be tried; counted before it is checked, so that parallel guesses count too.

    Returns:
        The attempt's number, to be forgiven when the password is right.

    Raises:
        LinkError: `throttled`, where too many were wrong.
    """
    session.execute(select(Link.id).where(Link.id == link.id).with_for_update())  # guesses on a link queue here
    session.execute(delete(PasswordAttempt).where(PasswordAttempt.at_s < now_s - WINDOW_S))
    here = select(func.count(), func.min(PasswordAttempt.at_s)).where(PasswordAttempt.link_id == link.id)
    for counted, most in ((here.where(PasswordAttempt.client == client), MOST_BY_CLIENT), (here, MOST_BY_LINK)):
        tried, first_s = session.execute(counted).one()
        if tried >= most:
            wait_s = max(1.0, first_s + WINDOW_S - now_s)
            raise LinkError(
                "throttled",
                f"Too many wrong passwords. Try again in {math.ceil(wait_s / 60)} min, or ask the editor.",
                retry_after_s=wait_s,
            )
    noted = PasswordAttempt(link_id=link.id, client=client, at_s=now_s)
    session.add(noted)
    session.flush()
    return noted.id


def forgive(session: Session, attempt_id: int) -> None:
    """The password was right; earlier wrong ones still count, or a reviewer could guess other links' at leisure."""
    session.execute(delete(PasswordAttempt).where(PasswordAttempt.id == attempt_id))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY_BYTES, dklen=32)
