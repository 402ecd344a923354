"""What every caption passes through before it is published."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from core.captioners.polish import Polished, polish, published_length
from core.captioners.strays import HANDLE, HASHTAG
from core.captioners.template import template_captions
from core.config import load_config
from core.posts import EventDetails
from core.settings import CaptionerSettings

FALLBACK = "Highlights from Freshers Night."


def settings(**changes: object) -> CaptionerSettings:
    return load_config().settings.captioner.model_copy(update=changes)


SETTINGS = settings()


def polished(
    text: str, controlled: tuple[str, ...] = ("#Club",), count: int = 3, fallback: str = FALLBACK, **changes: object
) -> Polished:
    chosen = settings(**changes) if changes else SETTINGS
    return polish(text, settings=chosen, controlled=controlled, photo_count=count, fallback=fallback)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A night by @iitg_photo.", "A night."),
        ("A night by @iitg_photo", "A night."),
        ("Great night with @a, @b & @c!", "Great night!"),
        ("A moment captured by @ravi.k and @sita_", "A moment."),
        ("Lights of the city. 📸: @montage.iitg", "Lights of the city."),
        ("Lights of the city 📸 @montage", "Lights of the city."),
        ("Lights of the city (PC - @x)", "Lights of the city."),
        ("Lights of the city [📸 by @x]", "Lights of the city."),
        ("Lights of the city — @x", "Lights of the city."),
        ("Lights, @x, people", "Lights, people."),
        ("Lights. In frame: @ravi", "Lights."),
        ("Lights. Photos by @a | @b", "Lights."),
        ("Lights. Photo by @ club_iitg", "Lights."),
        ("Evening with\n@a\n@b", "Evening."),
        ("Dance with @a and the team", "Dance with the team."),
        ("The night was captured by @x, and we loved it", "The night was captured, and we loved it."),
        ("A great evening with @x and we danced", "A great evening and we danced."),
        ("From @club's exhibition", "From the exhibition."),
        ("@club’s best shots", "The best shots."),
        ("@club presents: Open Mic", "Open Mic."),
        ("Lights. Follow @club for more!", "Lights."),
        ("Shoutout to @x for the lights", "Shoutout for the lights."),
        ("Lights ＠x and@y", "Lights and@y."),
        ("Lights @x@y", "Lights."),
        ("Lights \u200b@\u200bclub", "Lights."),
        ("Write to user@example.com today", "Write to user@example.com today."),
        ("Write to First.Last@example.co.in", "Write to First.Last@example.co.in."),
        ("Party @ Main Hall", "Party @ Main Hall."),
        ("Read on here: https://forms.gle/aB3. Bye", "Read on here. Bye."),
        ("The album is at www.example.org/a?b=c!", "The album is!"),
        ("All of it: instagram.com/montage", "All of it."),
    ],
)
def test_handles_and_links_go_with_what_hangs_on_them(text: str, expected: str) -> None:
    assert polished(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a #sunset over the hills", "A sunset over the hills."),
        ("We love #photography.", "We love photography."),
        ("We love #photography", "We love photography."),
        ("Lights of the city #photography", "Lights of the city."),
        ("Lights of the city. #photography #iitg #club", "Lights of the city."),
        ("Lights of the city\n.\n.\n.\n#photography #iitg", "Lights of the city."),
        ("#MondayMotivation The sun rises", "The sun rises."),
        ("#throwback to the night", "Throwback to the night."),
        ("Fun night #iitg #montage #club See you", "Fun night. See you."),
        ("the #golden #hour light", "The golden hour light."),
        ("a #sunset, #beach and #hills", "A sunset, beach and hills."),
        ("in the #GoldenHour of #IITGuwahati2025, again", "In the Golden Hour of IIT Guwahati 2025, again."),
        ("a #street_photo walk", "A street photo walk."),
        ("Loving the vibe 🎉#party", "Loving the vibe 🎉"),
        ("Great night! #fun 🎉", "Great night! 🎉"),
        ("नदी पर #सूर्यास्त की शाम", "नदी पर सूर्यास्त की शाम."),
        ("शाम का नज़ारा #फोटोग्राफी", unicodedata.normalize("NFC", "शाम का नज़ारा")),
        ("Über den #Dächern der Stadt", "Über den Dächern der Stadt."),
        ("We are #1 again", "We are #1 again."),
        ("Press 2️⃣ or #️⃣ now", "Press 2️⃣ or #️⃣ now."),
    ],
)
def test_hashtags_become_words_or_go(text: str, expected: str) -> None:
    assert polished(text).text == expected


@pytest.mark.parametrize(
    ("text", "controlled", "mode", "most", "expected"),
    [
        ("Night. #fun #Sun", ("#Club",), "remove", 15, ("#Club",)),
        ("Night. #fun #Sun", ("#Club",), "merge", 15, ("#Club", "#fun", "#Sun")),
        ("A #sunset by the sea #CLUB #Sunset", ("#Club",), "merge", 15, ("#Club", "#sunset")),
        ("Night. #fun #Sun", ("#Club", "#club", "#B"), "merge", 3, ("#Club", "#B", "#fun")),
        ("Night. #fun", ("#Club", "#B"), "merge", 0, ()),
        ("#fun #Sun", (), "merge", 15, ("#fun", "#Sun")),
    ],
)
def test_stray_hashtags_are_merged_when_asked_for(
    text: str, controlled: tuple[str, ...], mode: str, most: int, expected: tuple[str, ...]
) -> None:
    assert polished(text, controlled, stray_hashtags=mode, max_hashtags=most).hashtags == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lights of the city. Swipe →", "Lights of the city."),
        ("Lights of the city. Swipe left for more", "Lights of the city."),
        ("Lights of the city swipe left for more photos", "Lights of the city."),
        ("Lights of the city ➡️", "Lights of the city."),
        ("Lights of the city. Swipe ▶ 🎉", "Lights of the city. 🎉"),
        ("Lights of the city. Link in Bio 🔗", "Lights of the city."),
        ("Lights of the city, link in our bio!", "Lights of the city!"),
        ("Lights of the city — swipe to see the full set!", "Lights of the city!"),
        ("Lights of the city (swipe for more)", "Lights of the city."),
        ("SWIPE ➡️➡️ Lights of the city", "Lights of the city."),
        ("Lights. Don’t forget to swipe 👉🏽", "Lights."),
        ("Lights ✨\n\nSwipe → for more", "Lights ✨"),
        ("Lights. Keep swiping >>", "Lights."),
        ("a man swiping a card", "A man swiping a card."),
        ("Swipe cards were handed out", "Swipe cards were handed out."),
        ("A swipe of paint on the wall", "A swipe of paint on the wall."),
        ("Delhi → Goa", "Delhi → Goa."),
        ("a bio lab with a link between two cells", "A bio lab with a link between two cells."),
    ],
)
def test_swipe_hints_of_the_models_own_go(text: str, expected: str) -> None:
    assert polished(text).text == expected


@pytest.mark.parametrize(
    ("text", "count", "hint", "expected"),
    [
        ("a dog", 2, "Swipe →", "A dog. Swipe →"),
        ("a dog", 1, "Swipe →", "A dog."),
        ("a dog. Swipe left for more", 2, "Swipe →", "A dog. Swipe →"),
        ("a dog. Swipe → Swipe →", 2, "Swipe →", "A dog. Swipe →"),
        ("a dog. See all 👉 #fun", 2, "See all 👉", "A dog. See all 👉"),
        ("One more", 2, "more", "One more. more"),
        ("a dog", 2, "", "A dog."),
        ("", 2, "Swipe →", "Highlights from Freshers Night. Swipe →"),
        ("a dog", 2, "x" * 2190, "A dog."),
    ],
)
def test_the_clubs_own_hint_comes_once(text: str, count: int, hint: str, expected: str) -> None:
    assert polished(text, count=count, include_swipe_hint=True, swipe_hint=hint).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<s> a group of people </s><pad>", "A group of people."),
        ("[SEP] a dog <loc_12> runs<|endoftext|>", "A dog runs."),
        ("We <3 dogs", "We <3 dogs."),
        ('"a quiet street"', "A quiet street."),
        ("'it's a quiet street'", "It's a quiet street."),
        ("“A quiet street”.", "A quiet street."),
        ('"Open Mic" fills the "hall"', '"Open Mic" fills the "hall"'),
        ("Fish &amp; chips", "Fish & chips."),
        ("Lights\u00a0of\u2028the\x00 ci\u00adty\ufeff", "Lights of\n\nthe city."),
        ("Cafe\u0301 night", "Café night."),
        ("👩🏽‍🎓 and ❤️‍🔥 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏽‍🎓 And ❤️‍🔥 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("می‌خواهم", "می‌خواهم."),
        ("a dog runs. A dog runs. A dog runs. A dog", "A dog runs."),
        ("a dog runs! the cat sleeps. A dog runs!", "A dog runs! the cat sleeps."),
        ("a dog at night, a dog at night, a dog at night", "A dog at night."),
        ("Dr. Rao met Dr. Sen. Dr. Rao spoke", "Dr. Rao met Dr. Sen. Dr. Rao spoke."),
        ("a very, very long night", "A very, very long night."),
    ],
)
def test_artefacts_of_models_go(text: str, expected: str) -> None:
    assert polished(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello , world !!", "Hello, world!"),
        ("tonight ' s band don ' t stop", "Tonight's band don't stop."),
        ('the " gala night " was fun', 'The "gala night" was fun.'),
        ('a 5 " screen and a 6 " one', 'A 5 " screen and a 6 " one.'),
        ("wait .... what", "Wait… what."),
        ("wait ... what ?!", "Wait… what?!"),
        ("wait…", "Wait…"),
        ("really !?", "Really?!"),
        ("the end.Start again", "The end. Start again."),
        (
            "at 10:30 a.m., e.g. here,it cost 1,000.50 for 3.5 km",
            "At 10:30 a.m., e.g. here, it cost 1,000.50 for 3.5 km.",
        ),
        ("Venue:Main Hall", "Venue: Main Hall."),
        ("Lights (of the city", "Lights of the city."),
        ("Lights ( of the ) city ()", "Lights (of the) city."),
        ('He said "hello', "He said hello."),
        ('a 10" lens', 'A 10" lens.'),
        ("Great night :)", "Great night :)"),
        ("Great night:)", "Great night:)"),
        ("- Great night ,", "Great night."),
        ("Great | | night", "Great | night."),
        ("iPhone shots", "iPhone shots."),
        ("eBay finds", "eBay finds."),
        ("“open mic” tonight", "“Open mic” tonight."),
        ("3 friends", "3 friends."),
        ("…and then", "…and then."),
        ("Night ✨", "Night ✨"),
        ("Is it night?", "Is it night?"),
        ("one\ntwo\n\n\n three", "One\n\ntwo\n\nthree."),
    ],
)
def test_punctuation_is_mended(text: str, expected: str) -> None:
    assert polished(text).text == expected


@pytest.mark.parametrize(
    ("text", "fallback", "expected"),
    [
        ("", FALLBACK, FALLBACK),
        ("@club", FALLBACK, FALLBACK),
        ("Swipe → #fun 🎉 …", FALLBACK, FALLBACK),
        (" \u3164\u2800 ", FALLBACK, FALLBACK),
        ("#fun", "by @club: lights  from the hall", "Lights from the hall."),
        ("", "@x", "Photos of the event."),
        ("🎉", "", "Photos of the event."),
    ],
)
def test_a_caption_is_never_empty(text: str, fallback: str, expected: str) -> None:
    assert polished(text, fallback=fallback).text == expected


@pytest.mark.parametrize(
    ("text", "tags", "limit", "expected", "kept"),
    [
        ("One day we went out. Then it rained a lot.", 0, 42, "One day we went out. Then it rained a lot.", 0),
        ("One day we went out. Then it rained a lot.", 0, 41, "One day we went out.", 0),
        ("One day we went out, then it rained a lot", 0, 30, "One day we went out, then it…", 0),
        ("One day we went out. Then it rained a lot.", 1, 48, "One day we went out.", 1),
        ("One day we went out. Then it rained a lot.", 3, 35, "One day we went out.", 2),
        ("One day we went out. Then it rained a lot.", 3, 27, "One day we went out.", 1),
        ("One day we went out. Then it rained a lot.", 3, 26, "One day we went out.", 0),
        ("Sun.", 3, 24, "Sun.", 3),
        ("W" * 60, 0, 20, "W" * 19 + "…", 0),
        ("🎉" * 30 + " a", 0, 20, "Highlights from…", 0),
        ("A 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉 b", 0, 24, "A 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉…", 0),
        ("A 🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉 b", 0, 22, "A…", 0),
    ],
)
def test_what_is_too_long_is_cut(text: str, tags: int, limit: int, expected: str, kept: int) -> None:
    found = polished(text, tuple(f"#Tag{n}" for n in range(tags)), max_caption_chars=limit)
    assert (found.text, len(found.hashtags)) == (expected, kept)


def test_length_is_counted_in_utf_16_units() -> None:
    assert published_length("A 🎉", ["#B"]) == 4 + 2 + 2


@pytest.mark.parametrize("place", [None, "Main Hall", "Dr. B. C. Roy Auditorium"])
@pytest.mark.parametrize("date", [None, "14 March 2026", "14–16 Mar. '26"])
@pytest.mark.parametrize(
    "name", ["Freshers Night", "Alcheringa '26", "C.A.T. & Co. Fest 3.0", "Vol. 2: The Return", "रंगोली", "iGEM @ IITG"]
)
@pytest.mark.parametrize("hinted", [False, True])
def test_the_templates_own_captions_come_out_unchanged(
    name: str, date: str | None, place: str | None, hinted: bool
) -> None:
    event, chosen = EventDetails(name=name, date=date, place=place), settings(include_swipe_hint=hinted)
    labels, counts = [[], ["night"], ["group photo", "Lord Ganesha", "stage"]], [2, 1, 6]
    captions = template_captions(event, labels, counts, chosen, seed=3)
    for caption, count in zip(captions, counts, strict=True):
        assert polish(caption, settings=chosen, controlled=(), photo_count=count, fallback="").text == caption


BITS = """
@club @a.b_ by with and 📸: PC - ( ) [ ] " ' “ ” „ @ # & #fun #Golden_Hour #फोटो #1 #a#b user@example.com of
Swipe swipe → ➡️ for more link in bio 👉 Swipe→ left , . .. ... … ! ?? : ; — - | / a the night Night lights
iPhone e.g. a.m. 10:30 1,000 <s> [SEP] https://a.in/b www. 🎉 👩🏽‍🎓 ❤️ :) \u200b \u200d \u0301 &amp; Dr. İ ǆ ß ﬁ H's
"""
MIXED = st.lists(st.tuples(st.sampled_from(BITS.split()), st.sampled_from([" ", " ", "", "\n"])), max_size=25).map(
    lambda pairs: "".join(bit + gap for bit, gap in pairs)
)
TAGS = st.lists(st.sampled_from(["#IITGuwahati", "#Montage", "#fun", "#B"]), max_size=4).map(tuple)


@given(
    text=MIXED | st.text(max_size=80),
    fallback=st.just(FALLBACK) | MIXED,
    controlled=TAGS,
    merge=st.booleans(),
    hinted=st.booleans(),
    hint=st.sampled_from(["Swipe →", "More 👉", "!", "by @club", "for more."]),
    limit=st.sampled_from([20, 31, 60, 2200]),
)
@tries(max_examples=600, deadline=None)
def test_what_comes_out_is_clean_and_stays_as_it_is(
    text: str, fallback: str, controlled: tuple[str, ...], merge: bool, hinted: bool, hint: str, limit: int
) -> None:
    chosen = settings_of(merge, hinted, hint, limit)

    def once(given: str, tags: tuple[str, ...]) -> Polished:
        return polish(given, settings=chosen, controlled=tags, photo_count=3, fallback=fallback)

    first = once(text, controlled)
    body = first.text.removesuffix(hint) if hinted else first.text
    assert once(first.text, first.hashtags) == first
    assert HANDLE.search(body) is None
    assert HASHTAG.search(body) is None
    assert any(c.isalnum() for c in body)
    assert published_length(first.text, first.hashtags) <= limit
    assert unicodedata.is_normalized("NFC", first.text)
    assert not re.search(r"[^\S\n]{2}|\n{3}|^\s|\s$|<s>|\[SEP\]|https?:", body.rstrip())
    assert len({tag.casefold() for tag in first.hashtags}) == len(first.hashtags)


def settings_of(merge: bool, hinted: bool, hint: str, limit: int) -> CaptionerSettings:
    return SETTINGS.model_copy(
        update={
            "stray_hashtags": "merge" if merge else "remove",
            "include_swipe_hint": hinted,
            "swipe_hint": hint,
            "max_caption_chars": limit,
        }
    )


@pytest.mark.parametrize(
    "piece", ["a ", "@a ", "#a ", "( ", '"', "swipe ", ". ", "by ", "→", "a, ", "www.", "&amp;", "\n"]
)
def test_long_text_is_no_trouble(piece: str) -> None:
    assert polished(piece * (20_000 // len(piece))).text, "a pattern that runs away meets the suite's time limit"
