"""Instagram's Graph API, as far as posting photos needs it: containers, their status, publishing, the quota.

The token travels in a header, never in an address, and is taken out of every message.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, cast

import httpx

from core.errors import ConfigError
from core.publish.instagram_errors import InstagramError, explain
from core.settings import PublisherSettings

__all__ = ["ACCOUNT_VARIABLE", "TOKEN_VARIABLE", "Access", "InstagramApi", "Quota", "Status", "find_access"]

TOKEN_VARIABLE = "MONTAGE_INSTAGRAM_TOKEN"
ACCOUNT_VARIABLE = "MONTAGE_INSTAGRAM_ACCOUNT"
_LONGEST_WAIT_S = 120.0

Status = Literal["EXPIRED", "ERROR", "FINISHED", "IN_PROGRESS", "PUBLISHED"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Whose account, and the right to post there."""

    account: str
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Posts of the last 24 hours, and how many are allowed; None where the platform does not say."""

    used: int
    total: int | None

    @property
    def left(self) -> int | None:
        """How many more may be posted now."""
        return None if self.total is None else max(0, self.total - self.used)


def find_access(settings: PublisherSettings, environment: Mapping[str, str] | None = None) -> Access:
    """The account and the token, from the environment (the account from the settings, too).

    Raises:
        ConfigError: one of them is missing, or cannot be one; the token is not shown.
    """
    environment = os.environ if environment is None else environment
    token = environment.get(TOKEN_VARIABLE, "").strip()
    account = environment.get(ACCOUNT_VARIABLE, "").strip() or settings.account_id or ""
    if not token:
        raise ConfigError(f"posting needs the account's access token in the environment variable {TOKEN_VARIABLE}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(f"{TOKEN_VARIABLE} does not hold a token: it has spaces or characters that no token has")
    if not (account.isascii() and account.isdigit()):
        raise ConfigError(
            f"posting needs the number of the Instagram account in {ACCOUNT_VARIABLE} or publisher.account_id, "
            f"got {account or 'nothing'!r}"
        )
    return Access(account=account, token=token)


class InstagramApi:
    """A connection, to be used as a context manager. Requests that fail for a passing reason are sent again.

    Args:
        settings: address, patience.
        access: from `find_access`.
        sleep: waits that many seconds.
    """

    def __init__(
        self, settings: PublisherSettings, access: Access, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.account = access.account
        self._settings = settings
        self._token = access.token
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=settings.api_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {access.token}"},
            timeout=settings.timeout_s,
            follow_redirects=False,
        )

    def __enter__(self) -> "InstagramApi":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def username(self) -> str:
        """The account's name; shows that token and account fit together."""
        return str(self._ask(self.account, fields="username").get("username") or self.account)

    def quota(self) -> Quota:
        """How much of the day's quota is used."""
        data = self._ask(f"{self.account}/content_publishing_limit", fields="quota_usage,config").get("data")
        entry = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
        total = (entry.get("config") or {}).get("quota_total")
        return Quota(used=int(entry.get("quota_usage") or 0), total=total if isinstance(total, int) else None)

    def create_image(self, url: str, *, alt_text: str, caption: str = "", carousel_item: bool = False) -> str:
        """Make a container for a photo, which the platform then fetches; its id."""
        values = {"image_url": url}
        values |= {"alt_text": alt_text} if alt_text else {}
        values |= {"is_carousel_item": "true"} if carousel_item else {"caption": caption}
        return self._create(values)

    def create_carousel(self, children: list[str], caption: str) -> str:
        """Make a container for several photos; its id."""
        return self._create({"media_type": "CAROUSEL", "children": ",".join(children), "caption": caption})

    def status(self, container: str) -> tuple[Status, str]:
        """A container's status, and what the platform says of it."""
        answer = self._ask(container, fields="status_code,status")
        code = str(answer.get("status_code"))
        if code not in ("EXPIRED", "ERROR", "FINISHED", "IN_PROGRESS", "PUBLISHED"):
            raise InstagramError(f"expected a container's status, got {code!r} for {container}")
        return cast(Status, code), " ".join(str(answer.get("status") or "").split())

    def wait_until_ready(self, container: str) -> Status:
        """Ask until the platform is done with a container; FINISHED or PUBLISHED.

        Raises:
            InstagramError: the platform could not use it, or took too long.
        """
        asked = max(1, math.ceil(self._settings.poll_timeout_s / self._settings.poll_s))
        for attempt in range(asked + 1):
            code, told = self.status(container)
            if code in ("FINISHED", "PUBLISHED"):
                return code
            if code in ("ERROR", "EXPIRED"):
                why = "Instagram could not use the image" if code == "ERROR" else "what was prepared has expired"
                raise InstagramError(f"{why} ({told or code})")
            if attempt < asked:
                self._sleep(self._settings.poll_s)
        raise InstagramError(
            f"Instagram is still busy after {self._settings.poll_timeout_s:g} s; run the same command again later, "
            "which goes on where this one stopped",
            unknown=True,
        )

    def publish(self, container: str) -> str:
        """Publish a container, asking once; the id of the post.

        Raises:
            InstagramError: `unknown` where it may have been published although no answer came.
        """
        return self._id(self._send("POST", f"{self.account}/media_publish", data={"creation_id": container}))

    def permalink(self, media: str) -> str | None:
        """The address of a published post."""
        return self._ask(media, fields="permalink").get("permalink")

    def pause(self, attempt: int, wait_s: float | None = None) -> None:
        """Wait before repetition number `attempt` (from 0): twice as long each time, or as the platform asks."""
        planned = self._settings.backoff_s * 2**attempt
        self._sleep(min(_LONGEST_WAIT_S, max(planned, wait_s or 0.0)))

    def anonymous(self) -> httpx.Client:
        """A client that fetches as the platform does: without the token."""
        return httpx.Client(timeout=self._settings.timeout_s, follow_redirects=True)

    @property
    def retries(self) -> int:
        """How often to repeat."""
        return self._settings.retries

    def _ask(self, path: str, *, fields: str) -> dict[str, Any]:
        return self._patiently("GET", path, params={"fields": fields})

    def _create(self, values: dict[str, str]) -> str:
        return self._id(self._patiently("POST", f"{self.account}/media", data=values))

    def _patiently(self, method: str, path: str, **values: Any) -> dict[str, Any]:
        """Send a request that may be sent twice without harm."""
        for attempt in range(self.retries):
            try:
                return self._send(method, path, **values)
            except InstagramError as error:
                if not error.passing:
                    raise
                self.pause(attempt, error.wait_s)
        return self._send(method, path, **values)

    def _send(self, method: str, path: str, **values: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **values)
        except httpx.HTTPError as error:
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            raise InstagramError(
                f"{self._http.base_url.host} did not answer: {self._clean(str(error)) or type(error).__name__}; check "
                "the network and run the same command again",
                passing=True,
                unknown=not never_sent,
                account_wide=True,
            ) from None
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.is_success and isinstance(content, dict) and "error" not in content:
            return content
        told = content.get("error") if isinstance(content, dict) else None
        told = (
            {k: self._clean(v) if isinstance(v, str) else v for k, v in told.items()} if isinstance(told, dict) else {}
        )
        status = answer.status_code if not answer.is_success or told else 502  # success without an answer is none
        raise explain(status, told, wait_s=_seconds(answer.headers.get("Retry-After")))

    def _id(self, answer: dict[str, Any]) -> str:
        if not isinstance(answer.get("id"), str | int):
            raise InstagramError(f"expected an id in the answer, got {sorted(answer)}", unknown=True)
        return str(answer["id"])

    def _clean(self, text: str) -> str:
        """The text without the token, which the API repeats when it is malformed."""
        return text.replace(self._token, "…")


def _seconds(header: str | None) -> float | None:
    try:
        value = float(header or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
