"""What reviewers read: nothing in it tells the captioner."""

import pytest

from core.record import EventRecord
from core.reviews.blind import GiveAways, blind_text
from tests.calibrate_helpers import record

AWAY = GiveAways(
    event="Freshers Night 2025",
    when_and_where="Main Hall, 14 Feb 2026",
    openers=("Highlights from", "Moments from", "Scenes from"),
    swipe_hint="Swipe →",
)
EXPECTED = {
    "Highlights from Freshers Night 2025 (Main Hall, 14 Feb 2026) — stage and audience. Swipe →": "Stage and audience.",
    "Highlights from Freshers Night 2025.": "Photos of the event.",
    "Moments from a rainy campus": "A rainy campus.",
    "Scenes from Freshers Night at the main hall": "The event at the main hall.",
    "Freshers Night: a band plays | crowd": "A band plays – crowd.",
    "At the freshers night '25, a band plays by @montage_iitg …": "At the event, a band plays.",
    "#FreshersNight lit up the hall.": "The event lit up the hall.",
    "Freshers Night’s band - loud, bright": "The event's band – loud, bright.",
    "Lights of the city at night!!! 🌃✨ #Night #LowLight": "Lights of the city at night.",
    "a speaker in a yellow jacket\n\nSwipe left for more 👉": "A speaker in a yellow jacket.",
    "What a night?!": "What a night?",
    "“Quoted” words – and more": '"Quoted" words – and more.',
    "A well-lit hall, self-made lamps; 3-2 at half-time": "A well-lit hall, self-made lamps; 3-2 at half-time.",
    "The event's over": "The event's over.",
    "📸 by @abc": "Photos of the event.",
    "": "Photos of the event.",
}


@pytest.mark.parametrize(("written", "shown"), EXPECTED.items())
def test_give_aways_are_normalised(written: str, shown: str) -> None:
    assert blind_text(written, AWAY) == shown
    assert blind_text(shown, AWAY) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("A photowalk at dawn", "A photowalk at dawn."),
        ("At the Photowalk we saw birds", "At the event we saw birds."),
        ("Our Photowalk: birds", "Birds."),
    ],
)
def test_an_event_of_one_word_is_told_from_the_word(written: str, shown: str) -> None:
    assert blind_text(written, GiveAways(event="Photowalk")) == shown


def test_the_name_is_found_in_captions_that_were_cleaned_of_parts_of_it() -> None:
    """Polishing took the handle out of the caption; the name in the record still has it."""
    away = GiveAways(event="🎉 “Fest” d'Été / <b>#1</b> @club second line", openers=["Scenes from"])
    shown = blind_text("Scenes from 🎉 “Fest” d'Été / <b>#1</b> second line — stage.", away)
    assert shown == "Stage."
    assert blind_text("A band plays. 🎉", GiveAways(event="🎉")) == "A band plays."


def test_give_aways_come_from_the_settings_of_the_event() -> None:
    content = record("Open Mic")
    content["event"] |= {"date": "1 May", "place": "Lawn"}
    content["config"]["captioner"] |= {"openers": ["Best of"], "swipe_hint": "More inside"}
    away = GiveAways.of(EventRecord.model_validate(content))
    assert blind_text("Best of Open Mic (Lawn, 1 May) — night. More inside", away) == "Night."
