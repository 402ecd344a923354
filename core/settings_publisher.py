"""The `publisher` section: where posts go, what the platform allows, and how patient we are with it."""

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, model_validator

from core.settings_base import Count, Settings

__all__ = ["PublisherSettings", "is_local"]


class PublisherSettings(Settings):
    """Posting to the platform: Instagram, through its Graph API. The token comes from the environment only."""

    enabled: bool
    """Post to the platform as part of a run. Not possible in this version: `montage publish` posts."""
    dry_run: bool
    """Write what would be posted, and post nothing."""
    public_base_url: str | None
    """Where the output folder can be fetched from by anybody (https://…/out), since Instagram fetches the images
    itself; null: export only."""
    account_id: Annotated[str, Field(pattern=r"^\d+$")] | None
    """Number of the Instagram professional account; $MONTAGE_INSTAGRAM_ACCOUNT wins."""
    api_url: str
    """Address of the Graph API with its version; https://graph.facebook.com/… for tokens of a Facebook login."""
    max_caption_chars: Count
    """The platform's limit for a caption with its hashtags, in UTF-16 code units."""
    max_hashtags: Annotated[int, Field(ge=0)]
    """The platform's limit; Instagram has been lowering its 30 to 5 since December 2025, account by account."""
    max_photos: Annotated[int, Field(ge=2)]
    """The platform's limit for one post."""
    max_alt_chars: Count
    """The platform's limit for an alt text."""
    timeout_s: Annotated[float, Field(gt=0)]
    """Longest wait for an answer."""
    retries: Annotated[int, Field(ge=0, le=20)]
    """How often a request that failed for a passing reason is sent again."""
    backoff_s: Annotated[float, Field(ge=0)]
    """Pause before the first repetition; it doubles each time."""
    poll_s: Annotated[float, Field(gt=0)]
    """Pause between two questions whether the platform is done with an image."""
    poll_timeout_s: Annotated[float, Field(gt=0)]
    """How long the platform may take over an image."""

    @model_validator(mode="after")
    def _only_dry_runs(self) -> "PublisherSettings":
        if self.enabled and not self.dry_run:
            raise ValueError(
                "this version cannot post as part of a run; post with `montage publish OUT --really`, and set "
                "dry_run: true, or enabled: false"
            )
        return self

    @model_validator(mode="after")
    def _addresses(self) -> "PublisherSettings":
        for name, address in (("api_url", self.api_url), ("public_base_url", self.public_base_url)):
            parts = urlsplit(address or "https://none")
            plain = parts.hostname and not (parts.query or parts.fragment or parts.username or parts.password)
            secure = parts.scheme == "https" or (parts.scheme == "http" and (name != "api_url" or is_local(parts)))
            if not (plain and secure):
                raise ValueError(f"{name} is an address such as https://example.org/folder, got {address!r}")
        return self


def is_local(address: SplitResult) -> bool:
    """Whether an address can be reached from this machine or network only."""
    host = address.hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host
