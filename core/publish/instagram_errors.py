"""What the Graph API's errors mean, in words for an editor, and which of them pass by themselves.

Source: Instagram Platform, Error Codes (developers.facebook.com, read November 2026).
"""

from typing import Any

from core.errors import OutputError

__all__ = ["InstagramError", "explain"]

_UNFETCHED = (
    "Instagram could not fetch the image from its public address; open the address in a private window to check"
)
_SUBCODES = {
    2207003: "Instagram could not fetch the image in time; check that the public address answers quickly",
    2207004: "the image has too many bytes for Instagram (8 MiB); lower export.jpeg_quality or export.width_px",
    2207005: "Instagram takes JPEG only, and this image is none",
    2207006: "Instagram does not know what it was asked for; the token may belong to another account",
    2207009: "the image is too narrow or too wide for Instagram (4:5 to 1.91:1); export it with the default aspects",
    2207010: "the caption is longer than Instagram allows; shorten it",
    2207020: "what was prepared has expired (after 24 hours); run the same command again",
    2207026: "Instagram takes JPEG only, and this image is none",
    2207028: "Instagram takes 2 to 10 photos in one post",
    2207040: "the caption names more accounts than Instagram allows (20)",
    2207042: "the account has reached its limit of posts for 24 hours; publish the rest tomorrow",
    2207050: "Instagram has restricted the account; sign in to Instagram and follow what it asks",
    2207051: "Instagram takes this for spam and blocked it; wait, or tell Instagram that it is a mistake",
    2207052: _UNFETCHED,
    2207085: "the app lacks a permission that publishing needs, or it has expired; make a new token",
}
_CODES = {
    3: "the app may not do this; it needs the permission to publish content",
    4: "the app sent too many requests; try again in an hour",
    9: "the account has reached its limit of posts for 24 hours; publish the rest tomorrow",
    10: "the token lacks a permission; it needs content publishing (instagram_business_content_publish)",
    17: "the account sent too many requests; try again in an hour",
    25: "Instagram has restricted the account; sign in to Instagram and follow what it asks",
    32: "too many requests were sent; try again in an hour",
    100: "Instagram did not accept the request; check the account's number and the token's permissions",
    102: "the token is not valid any more; make a new one",
    190: "the token has expired or was revoked; make a new one and set $MONTAGE_INSTAGRAM_TOKEN",
    200: "the token lacks a permission; it needs content publishing (instagram_business_content_publish)",
    613: "too many requests were sent; try again in an hour",
    80002: "the account sent too many requests; try again in an hour",
    9004: _UNFETCHED,
}
_SLOW_DOWN = frozenset({4, 17, 32, 613, 80002})
_ACCOUNT_WIDE = _SLOW_DOWN | {3, 9, 10, 25, 102, 190, 200}
_PASSING = frozenset({-1, 1, 2}) | _SLOW_DOWN
_PASSING_SUBCODES = frozenset({2207001, 2207003, 2207008, 2207027, 2207032, 2207053})
_LASTING_SUBCODES = frozenset({2207020, 2207042, 2207050, 2207051})


class InstagramError(OutputError):
    """Something could not be posted.

    Args:
        message: for the editor; never holds the token.
        passing: the same request may succeed in a moment.
        unknown: it may have been carried out although no answer came.
        account_wide: other posts would fail in the same way.
        wait_s: how long the platform asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        passing: bool = False,
        unknown: bool = False,
        account_wide: bool = False,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.passing = passing
        self.unknown = unknown
        self.account_wide = account_wide
        self.wait_s = wait_s


def explain(status: int, error: dict[str, Any], *, wait_s: float | None = None) -> InstagramError:
    """The error for an answer of the API.

    Args:
        status: HTTP status.
        error: what stands under `error`; empty where the answer was not the API's.
        wait_s: of the header Retry-After.
    """
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    ours = _SUBCODES.get(subcode) or _CODES.get(code)
    theirs = " ".join(str(error.get("error_user_msg") or error.get("message") or "").split())
    if not ours:
        ours = "Instagram could not do it" if error else f"the answer was HTTP {status}, and not one of the Graph API's"
    numbers = ", ".join(f"{name} {n}" for name, n in (("code", code), ("subcode", subcode)) if n is not None)
    details = "; ".join(part for part in (theirs, numbers) if part)
    lasting = subcode in _LASTING_SUBCODES
    told_passing = bool(error.get("is_transient")) or code in _PASSING or subcode in _PASSING_SUBCODES
    return InstagramError(
        f"{ours} ({details})" if details else ours,
        passing=not lasting and (told_passing or status == 429 or status >= 500),
        unknown=status >= 500,
        account_wide=code in _ACCOUNT_WIDE or status in (401, 403, 429) or status >= 500,
        wait_s=wait_s,
    )


def _number(value: Any) -> Any:
    """A code as a number; None where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
