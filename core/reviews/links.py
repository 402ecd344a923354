"""Review links: made, opened and revoked. A link opens one review and nothing else."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.errors import ConfigError, InputError
from core.reviews.desk import ReviewDesk
from core.reviews.passwords import attempt, forgive, hash_password, is_password, throttle_key
from core.reviews.schema import Link, Review
from core.reviews.tokens import LinkError, expired, new_id, read_token, sign_token

__all__ = ["DAY_S", "MadeLink", "check_lifetime", "check_link", "link_url", "make_link", "open_link", "revoke_link"]

DAY_S = 86_400.0
_LONGEST_S = 366 * DAY_S


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeLink:
    """A link as it is sent to reviewers."""

    id: str
    token: str
    expires_at_s: float


def make_link(
    desk: ReviewDesk, review_id: str, *, valid_s: float = 14 * DAY_S, password: str | None = None
) -> MadeLink:
    """Make a link to a review.

    Args:
        valid_s: how long it opens.
        password: to be asked for; None asks for none.

    Raises:
        ConfigError: a time that is not positive or longer than a year, or a password that is too short.
        InputError: there is no such review, or it is revoked.
    """
    check_lifetime(valid_s)
    hashed = None if password is None else hash_password(password)
    now_s = desk.clock()
    link = Link(
        id=new_id(), review_id=review_id, created_at_s=now_s, expires_at_s=float(int(now_s + valid_s)), password=hashed
    )
    with desk.database.writing() as session:
        if known_review(session, review_id).revoked_at_s is not None:
            raise InputError(f"the review {review_id} is revoked; make a new one")
        session.add(link)
    token = sign_token(desk.secret, link.id, link.expires_at_s)
    return MadeLink(id=link.id, token=token, expires_at_s=link.expires_at_s)


def check_lifetime(valid_s: float) -> None:
    """Raises a ConfigError for a time that no link can be valid for."""
    if not 0 < valid_s <= _LONGEST_S:
        raise ConfigError(f"a link is valid for more than 0 and at most 366 days, got {valid_s / DAY_S:g} days")


def link_url(base_url: str, token: str) -> str:
    """The address to send, for a page that runs at `base_url`."""
    return f"{base_url.rstrip('/')}/?review={token}"


def open_link(desk: ReviewDesk, token: str, *, password: str | None = None, client: str = "") -> str:
    """The review that a link opens.

    Args:
        password: what the reviewer typed; None where nobody was asked yet.
        client: where the request comes from (its address), for the limit on wrong passwords.

    Raises:
        LinkError: with the reason.
    """
    now_s = desk.clock()
    with desk.database.reading() as session:
        link = live_link(session, desk, token, now_s)
        review_id, hashed = link.review_id, link.password
    if hashed is None:
        return review_id
    if password is None:
        raise LinkError("password_needed", "This review asks for a password. The editor has it.")
    with desk.database.writing() as session:
        tried = attempt(session, link, throttle_key(desk.secret, client), now_s=now_s)
    if not is_password(password, hashed):  # slow: outside of the transaction
        raise LinkError("wrong_password", "This is not the password of this review. Mind capitals and spaces.")
    with desk.database.writing() as session:
        forgive(session, tried)
    return review_id


def check_link(session: Session, desk: ReviewDesk, token: str) -> str:
    """The review of a link that still opens, without its password: for reviewers who have joined.

    Raises:
        LinkError: `tampered`, `expired` or `revoked`.
    """
    return live_link(session, desk, token, desk.clock()).review_id


def revoke_link(desk: ReviewDesk, link_id: str) -> None:
    """Close a link for good; votes stay. Revoking twice changes nothing.

    Raises:
        InputError: there is no such link.
    """
    with desk.database.writing() as session:
        link = session.get(Link, link_id)
        if link is None:
            raise InputError(f"there is no review link {link_id!r}; `montage review list` names them")
        link.revoked_at_s = link.revoked_at_s or desk.clock()


def live_link(session: Session, desk: ReviewDesk, token: str, now_s: float) -> Link:
    """The row of a link that still opens."""
    link = session.get(Link, read_token(desk.secret, token, now_s=now_s))
    if link is None:
        raise LinkError(
            "revoked", "This review link leads to a review that is no longer here. Ask the editor for a new one."
        )
    if link.revoked_at_s is not None or known_review(session, link.review_id).revoked_at_s is not None:
        raise LinkError("revoked", "The editor has closed this review link. Votes already given are kept.")
    if now_s >= link.expires_at_s:
        raise expired()
    return link


def known_review(session: Session, review_id: str) -> Review:
    """The row of a review; an InputError names those there are."""
    review = session.get(Review, review_id)
    if review is None:
        known = [one.id for one in session.query(Review).order_by(Review.created_at_s.desc()).limit(5)]
        raise InputError(f"there is no review {review_id!r}; there are: {', '.join(known) or 'none yet'}")
    return review
