"""How much of the platform's limits a post uses, and what keeps it from being posted, in words for the editor."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.captioners.polish import published_length
from core.handles import HASHTAG
from core.settings import PublisherSettings

__all__ = ["Count", "alt_text_count", "caption_count", "hashtag_count", "limit_problems", "photo_count"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """A counter: how many there are, and how many the platform takes."""

    used: int
    most: int

    @property
    def over(self) -> int:
        """How many are too many."""
        return max(0, self.used - self.most)


def caption_count(text: str, hashtags: Sequence[str], settings: PublisherSettings) -> Count:
    """Length of a caption with its hashtags, as it is published."""
    return Count(used=published_length(text, hashtags), most=settings.max_caption_chars)


def hashtag_count(text: str, hashtags: Sequence[str], settings: PublisherSettings) -> Count:
    """Hashtags of a post, those within the caption too."""
    return Count(used=len(hashtags) + len(HASHTAG.findall(text)), most=settings.max_hashtags)


def alt_text_count(text: str, settings: PublisherSettings) -> Count:
    """Length of a photo's alt text."""
    return Count(used=len(text.encode("utf-16-le", "surrogatepass")) // 2, most=settings.max_alt_chars)


def photo_count(photos: int, settings: PublisherSettings) -> Count:
    """Photos of a post."""
    return Count(used=photos, most=settings.max_photos)


def limit_problems(
    text: str, hashtags: Sequence[str], alt_texts: Sequence[str], photos: int, settings: PublisherSettings
) -> list[str]:
    """Every limit that a post passes, each with what to do."""
    problems = []
    length, tags = caption_count(text, hashtags, settings), hashtag_count(text, hashtags, settings)
    if length.over:
        problems.append(
            f"the caption with its hashtags has {length.used} characters, {length.most} are allowed; shorten it"
        )
    if tags.over:
        problems.append(f"the post has {tags.used} hashtags, {tags.most} are allowed; take {tags.over} out")
    if photo_count(photos, settings).over:
        problems.append(f"the post has {photos} photos, {settings.max_photos} are allowed; move some to another post")
    for number, alt in enumerate(alt_texts, start=1):
        count = alt_text_count(alt, settings)
        if count.over:
            problems.append(
                f"the alt text of photo {number} has {count.used} characters, {count.most} are allowed; shorten it"
            )
    return problems
