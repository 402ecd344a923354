"""Cleaning of training captions: no handle stays, the voice does, and nothing is dropped in silence."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from core.handles import handles_in
from core.metrics.leaks import handle_leaks
from core.training.cleaning import CleaningSettings, clean_caption, clean_records
from core.training.record import Record
from core.training.text_report import report_texts

ALL = CleaningSettings()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        # handles
        ("Lights of the city @rahul.clicks", "Lights of the city"),
        ("Lights of the city by @rahul.clicks.", "Lights of the city."),
        ("＠montage＿iitg rocks", "rocks"),
        ("@\u200bhidden name here", "name here"),
        ("A walk with @ rahul_k at dusk", "A walk at dusk"),
        ("Shot by @ rahul at dusk", "at dusk"),
        ("ends with @name...", "ends…"),
        ("hello@montage dear", "hello dear"),
        ("doors@7pm, 2@100", "doors at 7pm, 2 100"),
        ("@@double and @a@b came", "came"),
        ("A day @ the park", "A day at the park"),
        ("Meet @7pm, @ 9:30 and @iitg", "Meet at 7pm, at 9:30"),
        (":@ what a day", "what a day"),
        ("mail @ the end @", "mail at the end"),
        # e-mail addresses and links
        ("Questions? Write to us at montage.club@iitg.ac.in today", "Questions? today"),
        ("All of it: https://insta.com/p/x?y=@z, a great night", "All of it, a great night"),
        ("All photos: www.montage.in/day1", "All photos"),
        # swipe hints
        ("City at night. Swipe →", "City at night."),
        ("City at night (Swipe)", "City at night"),
        ("City at night, swipe left for more", "City at night"),
        ("City at night ➡️", "City at night"),
        ("City at night. SWIPE ➡️➡️➡️", "City at night."),
        ("City at night >>> swipe right!", "City at night!"),
        ("City at night. Keep swiping for more.", "City at night."),
        ("City at night. #night (Swipe) @rahul", "City at night."),
        ("city at night. @rahul #film swipe left\n", "city at night."),
        ("#Freshers swipe the board clean", "Freshers swipe the board clean"),
        ("Assam → Goa by train", "Assam → Goa by train"),
        # credits
        ("City at night. 📸: @rahul.clicks", "City at night."),
        ("City at night\nPC: Rahul Sharma", "City at night"),
        ("City at night.\n📸 Rahul Sharma & Priya D.", "City at night."),
        ("City at night\nPhoto credits - Rahul, Priya", "City at night"),
        ("Photos by Aman Gupta & Riya. A great night.", "A great night."),
        ("📸: the night in frames", "📸: the night in frames"),
        ("📸 A Night To Remember", "📸 A Night To Remember"),
        ("A great night. Priya Sharma.", "A great night. Priya Sharma."),
        ("Photo by Rahul Sharma on the hill", "Photo by Rahul Sharma on the hill"),
        # hashtags
        ("City at night #night #iitg", "City at night"),
        ("Loved #GoldenHour at #IITG", "Loved Golden Hour at IITG"),
        ("We are #1 today", "We are #1 today"),
        # white space, letters, lines
        ("City \t at\u00a0 night\u200b", "City at night"),
        ("Roses are red\n.\n.\n•\nViolets are blue\n#poem", "Roses are red. Violets are blue"),
        ("Roses are red,\nand so on", "Roses are red, and so on"),
        ("𝐁𝐨𝐥𝐝 ｗｉｄｅ ⓝight", "Bold wide night"),
        ("cafe\u0301", "café"),
        # what must stay
        ("Wow!!!! so good.... ;)", "Wow!!!! so good.... ;)"),
        ("It is 5°C, ½ full & 100% fun™", "It is 5°C, ½ full & 100% fun™"),
        ("क्\u200dष हिन्दी ❤️ 👨\u200d👩\u200d👧", "क्\u200dष हिन्दी ❤️ 👨\u200d👩\u200d👧"),
        # no word left
        ("@iitg #montage ➡️", ""),
        ("Swipe →", ""),
        ("✨✨✨", ""),
        ("", ""),
    ],
)
def test_what_cleaning_makes_of_a_caption(text: str, clean: str) -> None:
    assert clean_caption(text, ALL) == clean


@pytest.mark.parametrize(
    ("text", "given", "clean"),
    [
        (
            "Night #IITG #foo #Montage",
            {"hashtags": "uncontrolled", "controlled": ("#iitg", "#montage")},
            "Night #IITG #Montage",
        ),
        ("Night #IITG #foo", {"hashtags": "none"}, "Night #IITG #foo"),
        ("Night #foo swipe left", {"hashtags": "none"}, "Night #foo"),
        ("Night @rahul #foo", {"hashtags": "none"}, "Night #foo"),
        ("Night by @rahul", {"remove_handles": False}, "Night by @rahul"),
        ("By @rahul, ask a.b@c.com", {"remove_handles": False}, "By @rahul, ask"),
        ("Night https://x.in/@b @rahul", {"remove_urls": False}, "Night https://x.in/@b"),
        ("Ask a.b@c.com or @rahul", {"remove_emails": False}, "Ask a.b@c.com or"),
        ("Night. Swipe → now", {"remove_swipe_hints": False}, "Night. Swipe → now"),
        ("Night.\nPC: Rahul", {"remove_credits": False}, "Night. PC: Rahul"),
        ("❤️ Night 👨\u200d👩\u200d👧 1️⃣ ✨क्\u200dष", {"remove_emoji": True}, "Night क्\u200dष"),
        ("One\n.\nTwo", {"line_breaks": "keep"}, "One\nTwo"),
        ("𝐁𝐨𝐥𝐝", {"plain_letters": False}, "𝐁𝐨𝐥𝐝"),
    ],
)
def test_settings_say_what_goes(text: str, given: dict[str, Any], clean: str) -> None:
    chosen = CleaningSettings(**given)
    assert clean_caption(text, chosen) == clean
    assert clean_caption(clean, chosen) == clean


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hashtags": "uncontrolled"}, r"uncontrolled needs a list of controlled hashtags, got none"),
        ({"controlled": ("night",)}, r"a hashtag is '#' and then letters without spaces, got 'night'"),
        ({"hashtag": "all"}, r"Extra inputs are not permitted"),
        ({"hashtags": "some"}, r"Input should be 'all', 'uncontrolled' or 'none'"),
    ],
)
def test_settings_are_checked_when_made(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CleaningSettings(**given)


WORDS = (
    "@rahul|@ |@|＠x.y|a@b.com|#Tag|#iitg|Swipe →|(swipe)|swipe left for more|➡️|📸:|PC:|Rahul Sharma|by|with"
    '|https://x.in/a|www.a.com|\n|.|,|!|(|)|"|…|✨|❤️|A|night|the|7pm|क्\u200dष|👨\u200d👩\u200d👧|𝐁𝐨𝐥𝐝|\u200b'
    "|link in bio|-|&|1️⃣"
)
PIECES = st.sampled_from([*WORDS.split("|"), "|"])
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map(" ".join),
    st.lists(PIECES, max_size=12).map("".join),
    st.text(alphabet="@＠a1._-# \n:/📸✨→\u200d\ufe0f𝐁", max_size=25),
)
VARIANTS = [
    ALL,
    CleaningSettings(remove_emoji=True, line_breaks="keep"),
    CleaningSettings(hashtags="uncontrolled", controlled=("#iitg",), remove_credits=False),
    CleaningSettings(hashtags="none", plain_letters=False, remove_swipe_hints=False),
]


@pytest.mark.parametrize("chosen", VARIANTS, ids=range(len(VARIANTS)))
@given(text=TEXTS)
@limits(max_examples=120, deadline=None)
def test_cleaning_twice_changes_nothing_more_and_no_handle_is_ever_left(chosen: CleaningSettings, text: str) -> None:
    once = clean_caption(text, chosen)
    assert clean_caption(once, chosen) == once
    assert not re.search("[@＠﹫]", once)


@given(text=TEXTS)
@limits(max_examples=80, deadline=None)
def test_what_is_to_stay_is_left_whole(text: str) -> None:
    chosen = CleaningSettings(remove_handles=False, remove_urls=False, remove_emails=False)
    once = clean_caption(text, chosen)
    assert clean_caption(once, chosen) == once
    assert not any(0xE000 <= ord(c) <= 0xF8FF or ord(c) >= 0xF0000 - 1 for c in once), "no placeholder is left"


def test_records_are_cleaned_with_their_references_and_what_is_emptied_is_listed() -> None:
    records = [
        Record(image="a.jpg", caption="Night @x", references=("Swipe →", "Dusk #b", "Dusk"), extra={"n": 1}, line=1),
        Record(image="b.jpg", caption="@only", references=("kept nowhere",), line=2),
        Record(image="c.jpg", caption="As it was.", line=5),
    ]
    cleaned = clean_records(records, ALL)
    assert cleaned.records == (
        Record(image="a.jpg", caption="Night", references=("Dusk",), extra={"n": 1}),
        Record(image="c.jpg", caption="As it was."),
    )
    assert [record.line for record in cleaned.emptied] == [2]
    assert cleaned.references_emptied == ((1, "Swipe →"),)
    assert [(record.line, after) for record, after in cleaned.changed] == [(1, "Night"), (2, "")]


def test_the_report_counts_captions() -> None:
    texts = [
        "Night lights @a @b #Night #night",
        "night lights!",
        "Mail a@b.com, see https://x.in/@c",
        "Night Lights ✨",
        "The night. Swipe →",
    ]
    found = report_texts(texts, most=2)
    assert (found.captions, found.empty, found.repeated) == (5, 0, 1)
    assert (found.with_handles, found.with_hashtags, found.with_urls, found.with_emails) == (1, 1, 1, 1)
    assert (found.with_emoji, found.with_swipe_hints) == (1, 1)
    assert found.frequent_words == (("night", 4), ("lights", 3))
    assert found.frequent_hashtags == (("#night", 1),)
    assert found.frequent_handles == (("@a", 1), ("@b", 1))
    assert found.words is not None
    assert (found.words.least, found.words.p50, found.words.most) == (2, 4, 6)


@pytest.mark.parametrize("text", ["hello@club dear", "By@rahul.clicks", "by ＠rahul", "@a@b", "mail a@b.com", "at @ 7"])
def test_what_counts_as_a_handle_is_the_same_everywhere(text: str) -> None:
    named = bool(handle_leaks([text])[0])
    assert report_texts([text]).with_handles == named
    assert bool(report_texts([text]).frequent_handles) == named
    kept = clean_caption(text, CleaningSettings(remove_emails=False))
    for name in handles_in(text):
        assert name.removeprefix("@") not in kept
    assert not handle_leaks([clean_caption(text, CleaningSettings())])[0]


def test_a_report_of_nothing() -> None:
    found = report_texts([])
    assert found.captions == 0
    assert found.words is None
