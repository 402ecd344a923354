"""Every sentence of the page, in one place; the command uses the same names of stages and reasons."""

from collections import Counter

from core.record import EventRecord

TITLE = "Montage"
TAGLINE = "An event's photos in, captioned posts out."
SOURCE_LABEL = "Photos"
SOURCE_SAMPLE = "Try the sample event"
SOURCE_UPLOAD = "Use my photos"
UPLOAD_LABEL = "Drop photos or a ZIP here"
NAME_LABEL = "Name of the event"
SAMPLES_TITLE = "Try a sample event"
SAMPLE_NAME = "Freshers Night"
MORE_LABEL = "Date and place (optional)"
DATE_LABEL = "Date"
DATE_EXAMPLE = "14 March 2026"
PLACE_LABEL = "Place"
PLACE_EXAMPLE = "Main auditorium"
MAKE_POSTS = "Make posts"
DOWNLOAD = "Download all posts (ZIP)"
READY = "Choose photos, name the event, and press “Make posts”. Nothing is published."
STARTING = "Starting …"
NAME_MISSING = "Please name the event first: captions speak of it."
PHOTOS_MISSING = "Please add photos or a ZIP first."
BROKEN = "Something went wrong inside Montage. Your photos are untouched; the details are in the server's log."
ASIDE_TITLE = "Left out"
COPY = "Copy caption"
COPIED = "Copied"

STAGES = {
    "ingest": "Reading photos",
    "dedupe_quality": "Finding duplicates",
    "categorize": "Labelling",
    "cluster": "Grouping into posts",
    "captioner": "Captioning",
    "describe": "Describing photos",
    "output": "Writing posts",
}
OTHERS = "Other captions"
CAPTIONERS = {
    "template": "Template",
    "blip2": "BLIP-2",
    "git": "GIT",
    "florence2": "Florence-2",
    "blip": "BLIP",
    "hybrid": "Hybrid",
    "editor": "Edited by hand",
    "blip2_base": "BLIP-2 before fine-tuning",
    "git_base": "GIT before fine-tuning",
    "florence2_base": "Florence-2 before fine-tuning",
    "blip_base": "BLIP before fine-tuning",
}
REASONS = {
    "duplicate": "near-duplicate of a better photo",
    "poor_quality": "too blurred, dark or bright",
    "burst": "not the best of its burst",
    "not_selected": "beyond the best and most varied (selection.k)",
    "unreadable": "unreadable",
    "not_an_image": "not a photo",
    "empty": "empty",
    "system_file": "the system's own",
    "removed_by_hand": "taken out by hand",
}


def stage_name(stage: str) -> str:
    """What goes on in a stage; a captioner's model is named."""
    name, _, captioner = stage.partition(" ")
    words = STAGES.get(name, name)
    return f"{words} with {CAPTIONERS.get(captioner, captioner)}" if captioner else words


def progress(stage: str, done: int, total: int) -> str:
    """What is going on."""
    counts = f" · {done} of {total}" if total > 1 and 0 < done < total else ""
    return f"{stage_name(stage)}{counts} …"


def sample_cover(name: str) -> str:
    """What a blind visitor is told about the small picture of a sample event."""
    return f"Photos of {name}"


def rendering(name: str) -> str:
    """A sample event's photos are being made."""
    return f"Rendering the photos of “{name}” …"


def sample_ready(name: str, photos: int) -> str:
    """A sample event's photos are in."""
    return f"“{name}” is in: {count(photos, 'photo')}. Press “{MAKE_POSTS}”."


def voice(adapter: str) -> str:
    """Which adapter writes."""
    return (
        f"The model writes in the voice of the adapter “{adapter}”. What it would have said before it learnt that "
        "voice stands under each post."
    )


def took(source: str, reason: str | None) -> str:
    """Whose caption the hybrid took, and why."""
    return f"took {CAPTIONERS.get(source, source)}: {reason}"


def failed(message: str) -> str:
    """Why there are no posts."""
    return f"That did not work: {message}"


def done(record: EventRecord) -> str:
    """The result in a sentence."""
    shown = sum(len(post.photos) for post in record.posts)
    left_out = Counter(file.reason for file in record.files if not file.kept)
    duplicates = left_out.pop("duplicate", 0)
    parts = [f"{count(len(record.posts), 'post')} from {count(shown, 'photo')}"]
    if duplicates:
        parts.append(f"{count(duplicates, 'near-duplicate')} dropped")
    if sum(left_out.values()):
        parts.append(f"{count(sum(left_out.values()), 'other file')} left out")
    return " · ".join(parts)


def abstained(model: str) -> str:
    """What to do when the model has no labels for most photos."""
    return (
        f"The model “{model}” does not know what is in these photos, so it gave them no labels rather than "
        "invent some. For labels on real photos, start the page with a real model: "
        "montage serve --set embeddings.model=ViT-B-32"
    )


def reason(short: str, duplicate_of: str | None, message: str | None) -> str:
    """Why a file is not in a post."""
    if duplicate_of:
        return f"near-duplicate of {duplicate_of}"
    return message or REASONS.get(short, short.replace("_", " "))


def count(n: int, noun: str) -> str:
    """`1 photo`, `2 photos`."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
