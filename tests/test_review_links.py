"""Review links: signed, expiring, revocable, with a password that cannot be guessed at leisure."""

import os
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConfigError, InputError
from core.reviews import passwords
from core.reviews.links import DAY_S, link_url, make_link, open_link, revoke_link
from core.reviews.passwords import MOST_BY_CLIENT, MOST_BY_LINK, WINDOW_S, hash_password, is_password
from core.reviews.reviewers import join
from core.reviews.reviews import revoke_review
from core.reviews.tokens import LinkError, read_secret, read_token, sign_token
from core.reviews.voting import next_item
from tests.review_helpers import NOON_S, table

SECRET = b"a secret of sixteen and more characters"


@pytest.fixture
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 16)


def test_a_token_names_its_link_until_it_expires() -> None:
    token = sign_token(SECRET, "abc", NOON_S)
    assert read_token(SECRET, f" {token}\n", now_s=NOON_S - 1) == "abc"
    with pytest.raises(LinkError, match=r"has expired\. Ask the editor") as caught:
        read_token(SECRET, token, now_s=NOON_S)
    assert caught.value.reason == "expired"


def test_every_changed_character_is_noticed() -> None:
    token = sign_token(SECRET, "abc", NOON_S)
    # The last character of base64 holds bits that are not used; the ones before are all signed.
    changed = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token) - 1)]
    for text in [*changed, token[:-5], "", "a.b", "ü" * 20, sign_token(b"x" * 40, "abc", NOON_S)]:
        with pytest.raises(LinkError, match="damaged or incomplete") as caught:
            read_token(SECRET, text, now_s=0)
        assert caught.value.reason == "tampered"


def test_the_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = read_secret(tmp_path / "new")
    assert read_secret(tmp_path / "new") == first != read_secret(tmp_path / "other")
    path = tmp_path / "new" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret"]
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(tmp_path / "new")


def test_the_environments_secret_wins_and_must_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTAGE_SECRET", "0123456789abcdef")
    assert read_secret(tmp_path / "none") == b"0123456789abcdef"
    assert not (tmp_path / "none").exists()
    monkeypatch.setenv("MONTAGE_SECRET", "short")
    with pytest.raises(ConfigError, match=r"\$MONTAGE_SECRET must hold at least 16 characters, got 5"):
        read_secret(tmp_path)


def test_a_link_opens_its_review_until_it_expires(tmp_path: Path) -> None:
    t = table(tmp_path, valid_s=DAY_S)
    assert open_link(t.desk, t.token) == t.review
    t.clock.now_s += DAY_S
    with pytest.raises(LinkError, match="expired"):
        open_link(t.desk, t.token)


def test_a_revoked_link_is_closed_and_another_still_opens(tmp_path: Path) -> None:
    t = table(tmp_path)
    cookie = join(t.desk, t.token, "Ann")
    other = make_link(t.desk, t.review)
    revoke_link(t.desk, other.id)
    assert next_item(t.desk, t.token, cookie) is not None
    with pytest.raises(LinkError, match="closed this review link") as caught:
        open_link(t.desk, other.token)
    assert caught.value.reason == "revoked"
    revoke_review(t.desk, t.review)
    with pytest.raises(LinkError, match="closed this review link"):
        next_item(t.desk, t.token, cookie)
    with pytest.raises(InputError, match="is revoked; make a new one"):
        make_link(t.desk, t.review)


def test_a_link_of_another_database_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTAGE_SECRET", "0123456789abcdef")
    one, two = table(tmp_path / "one"), table(tmp_path / "two")
    with pytest.raises(LinkError, match="no longer here"):
        open_link(two.desk, one.token)


@pytest.mark.parametrize("days", [0, -1, 367, float("nan")])
def test_a_link_needs_a_sensible_time(tmp_path: Path, days: float) -> None:
    with pytest.raises(ConfigError, match="more than 0 and at most 366 days"):
        table(tmp_path, valid_s=days * DAY_S)


def test_unknown_reviews_and_links_are_named(tmp_path: Path) -> None:
    t = table(tmp_path)
    with pytest.raises(InputError, match=f"no review 'x'; there are: {t.review}"):
        make_link(t.desk, "x")
    with pytest.raises(InputError, match="no review link 'x'"):
        revoke_link(t.desk, "x")


def test_the_address_of_a_link() -> None:
    assert link_url("https://club.example/montage/", "T") == "https://club.example/montage/?review=T"


def test_hashes_are_salted_and_slow() -> None:
    one, two = hash_password("open sesame"), hash_password("open sesame")
    assert one != two
    assert one.startswith("scrypt$16384$8$5$")
    assert "sesame" not in one
    assert [is_password(p, one) for p in ("open sesame", "Open sesame", "")] == [True, False, False]
    assert not is_password("open sesame", "nonsense")


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_passwords_have_a_sensible_length(password: str) -> None:
    with pytest.raises(ConfigError, match=f"6 to 1000 characters, got {len(password)}"):
        hash_password(password)


@pytest.mark.usefixtures("quick_hash")
def test_a_password_is_asked_for_and_checked(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")
    for given, reason in ((None, "password_needed"), ("open sesam", "wrong_password")):
        with pytest.raises(LinkError) as caught:
            open_link(t.desk, t.token, password=given)
        assert caught.value.reason == reason
    assert open_link(t.desk, t.token, password="open sesame") == t.review
    cookie = join(t.desk, t.token, "Ann", password="open sesame")
    assert next_item(t.desk, t.token, cookie) is not None, "who has joined is not asked again"


@pytest.mark.usefixtures("quick_hash")
def test_guessing_is_slowed_down_for_each_client(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")
    for _ in range(MOST_BY_CLIENT):
        with pytest.raises(LinkError, match="not the password"):
            open_link(t.desk, t.token, password="guess!", client="1.2.3.4")
        t.clock.now_s += 1
    with pytest.raises(LinkError, match=r"Too many wrong passwords\. Try again in 15 min") as caught:
        open_link(t.desk, t.token, password="open sesame", client="1.2.3.4")
    assert caught.value.reason == "throttled"
    assert caught.value.retry_after_s == WINDOW_S - MOST_BY_CLIENT
    assert open_link(t.desk, t.token, password="open sesame", client="5.6.7.8") == t.review
    t.clock.now_s += WINDOW_S
    assert open_link(t.desk, t.token, password="open sesame", client="1.2.3.4") == t.review


@pytest.mark.usefixtures("quick_hash")
def test_right_passwords_are_never_throttled(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")
    for _ in range(MOST_BY_CLIENT + 2):
        assert open_link(t.desk, t.token, password="open sesame") == t.review


@pytest.mark.usefixtures("quick_hash")
def test_guessing_from_everywhere_is_slowed_down_too(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")
    reasons = []
    for i in range(MOST_BY_LINK + 1):
        with pytest.raises(LinkError) as caught:
            open_link(t.desk, t.token, password="guess!", client=f"10.0.0.{i}")
        reasons.append(caught.value.reason)
    assert reasons == ["wrong_password"] * MOST_BY_LINK + ["throttled"]


@pytest.mark.usefixtures("quick_hash")
def test_guesses_at_the_same_moment_are_counted(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")

    def guess(_: int) -> str:
        try:
            return open_link(t.desk, t.token, password="guess!", client="1.2.3.4")
        except LinkError as error:
            return error.reason

    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(guess, range(16)))
    assert Counter(reasons) == {"wrong_password": MOST_BY_CLIENT, "throttled": 16 - MOST_BY_CLIENT}


@pytest.mark.usefixtures("quick_hash")
def test_neither_password_nor_address_is_kept(tmp_path: Path) -> None:
    t = table(tmp_path, password="open sesame")
    with pytest.raises(LinkError):
        open_link(t.desk, t.token, password="guess!", client="203.0.113.77")
    t.desk.database.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "reviews").glob("reviews.sqlite3*"))
    assert b"scrypt$" in kept
    assert not [word for word in (b"sesame", b"guess!", b"203.0.113.77", t.token.encode()) if word in kept]
