"""One post on its way to Instagram, which goes out once, whatever breaks off in between.

A post is made of containers (one a photo, one for a carousel), which the platform fetches and checks, and is then
published by one request. That request alone must not be sent twice: the ledger is written before it, and where its
answer was lost the container is asked whether it is out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.publish.instagram_api import InstagramApi, Status
from core.publish.instagram_errors import InstagramError
from core.publish.instagram_plan import PlannedPost
from core.publish.ledger import Entry, Ledger

__all__ = ["Posting", "Report"]

Report = Callable[[str], None]

_ALIVE: tuple[Status, ...] = ("FINISHED", "IN_PROGRESS", "PUBLISHED")
"""A container that is one of these is not made again."""


class Posting:
    """One post on its way out."""

    def __init__(self, api: InstagramApi, ledger: Ledger, report: Report) -> None:
        self._api = api
        self._ledger = ledger
        self._report = report

    def run(self, post: PlannedPost) -> Entry:
        """Post it, going on where an earlier run broke off; its ledger entry.

        Raises:
            InstagramError: it is not out, or nobody knows; the same call may be made again.
        """
        account = self._api.account
        entry = self._ledger.find(post.key(account)) or Entry(
            key=post.key(account), account=account, folder=post.folder, images=post.checksums, state="preparing"
        )
        if entry.state == "publishing":
            entry = self._resumed(entry, post)
        if entry.state == "preparing":
            entry = self._prepared(entry, post)
        if entry.state != "published":
            entry = self._published(entry, post)
        return self._with_permalink(entry)

    def _resumed(self, entry: Entry, post: PlannedPost) -> Entry:
        """What became of a post whose publishing broke off: out, ready to be published, or to be made anew."""
        container = entry.container or ""
        self._report(f"post {post.number}: asking whether it went out before")
        try:
            status, _ = self._api.status(container)
        except InstagramError as error:
            if error.passing or error.account_wide:
                raise
            raise InstagramError(
                f"an earlier run broke off while it published post {post.number}, and Instagram does not say whether "
                f"it is out ({error}); look at the account, and if it is not there, add --again {post.number}"
            ) from None
        if status in ("ERROR", "EXPIRED"):  # neither was published
            return self._ledger.put(entry.model_copy(update={"state": "preparing", "container": None}))
        return self._ready(entry) if status == "IN_PROGRESS" else self._noted(entry, status)

    def _prepared(self, entry: Entry, post: PlannedPost) -> Entry:
        """The entry with a container that can be published, or that turns out to be."""
        self._report(f"post {post.number}: Instagram fetches {len(post.images)} photo{'s' * (len(post.images) > 1)}")
        if entry.container is None or self._status(entry.container) not in _ALIVE:
            if post.kind == "image":
                [image] = post.images
                made = self._api.create_image(image.url or "", alt_text=image.alt_text, caption=post.caption)
            else:
                entry = self._with_children(entry, post)
                made = self._api.create_carousel([child for child in entry.children if child], post.caption)
            entry = self._ledger.put(entry.model_copy(update={"container": made}))
        return self._ready(entry)

    def _ready(self, entry: Entry) -> Entry:
        """The entry once the platform is done with its container."""
        with self._forgetting(entry, state="preparing", container=None):
            return self._noted(entry, self._api.wait_until_ready(entry.container or ""))

    def _noted(self, entry: Entry, status: Status) -> Entry:
        return self._ledger.put(entry.model_copy(update={"state": "published"})) if status == "PUBLISHED" else entry

    def _with_children(self, entry: Entry, post: PlannedPost) -> Entry:
        """The entry with a ready container for each photo; those of an earlier run serve where they still can."""
        children = list(entry.children) or [None] * len(post.images)
        for place, image in enumerate(post.images):
            child = children[place]
            if child is None or self._status(child) not in _ALIVE:
                with self._naming(post, place):
                    made = self._api.create_image(image.url or "", alt_text=image.alt_text, carousel_item=True)
                children[place] = made
                entry = self._ledger.put(entry.model_copy(update={"children": tuple(children)}))
        for place, child in enumerate(children):
            without = tuple(None if i == place else c for i, c in enumerate(children))
            with self._naming(post, place), self._forgetting(entry, children=without):
                self._api.wait_until_ready(child or "")
        return entry

    def _published(self, entry: Entry, post: PlannedPost) -> Entry:
        """The entry of the post once it is out."""
        self._report(f"post {post.number}: publishing")
        doubtful = entry.state == "publishing"  # an earlier request may have been carried out
        entry = self._ledger.put(entry.model_copy(update={"state": "publishing"}))
        for attempt in range(self._api.retries + 1):
            try:
                media = self._api.publish(entry.container or "")
                return self._ledger.put(entry.model_copy(update={"state": "published", "media_id": media}))
            except InstagramError as error:
                failed = error
            lasting = not (failed.passing or failed.unknown)
            if not lasting:
                doubtful = True
                self._api.pause(attempt, failed.wait_s)
            status = self._status(entry.container or "")
            if status == "PUBLISHED":  # whatever the answer was
                return self._noted(entry, status)
            if lasting and (status is not None or not doubtful):
                self._ledger.put(entry.model_copy(update={"state": "preparing"}))
                raise failed
            if status is None:  # nobody knows: to ask again might post twice
                break
        raise InstagramError(
            f"{failed}. It may be out all the same: run the same command again, which asks Instagram first",
            account_wide=failed.account_wide,
        )

    def _with_permalink(self, entry: Entry) -> Entry:
        """The entry with the post's address; it is out with or without one."""
        if entry.media_id is None or entry.permalink is not None:
            return entry
        try:
            permalink = self._api.permalink(entry.media_id)
        except InstagramError:
            return entry
        return self._ledger.put(entry.model_copy(update={"permalink": permalink}))

    def _status(self, container: str) -> Status | None:
        """A container's status; None where the platform does not know it (any more)."""
        try:
            return self._api.status(container)[0]
        except InstagramError as error:
            if error.passing or error.account_wide:
                raise
            return None

    @contextmanager
    def _naming(self, post: PlannedPost, place: int) -> Iterator[None]:
        """Errors that say which photo they are about."""
        try:
            yield
        except InstagramError as error:
            name = f"photo {place + 1} ({post.folder}/{post.images[place].path.name})"
            raise InstagramError(
                f"{name}: {error}", passing=error.passing, unknown=error.unknown, account_wide=error.account_wide
            ) from None

    @contextmanager
    def _forgetting(self, entry: Entry, **changes: object) -> Iterator[None]:
        """Where the platform could not use a container, the next run makes another."""
        try:
            yield
        except InstagramError as error:
            if not (error.passing or error.unknown):
                self._ledger.put(entry.model_copy(update=changes))
            raise
