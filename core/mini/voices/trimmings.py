"""What clubs hang on their captions in a real archive: tags, handles, credits, emoji, hints."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MONTAGE", "RIVAL", "Trimmings"]


@dataclass(frozen=True, kw_only=True)
class Trimmings:
    """The club's stock; `shares` says how often each kind is used, 0 to 1. All names are invented."""

    handles: tuple[str, ...]
    photographers: tuple[str, ...]
    credits: tuple[str, ...]
    hints: tuple[str, ...]
    sites: tuple[str, ...]
    base_tags: tuple[str, ...]
    topic_tags: Mapping[str, tuple[str, ...]]
    other_tags: tuple[str, ...]
    emoji: Mapping[str, str]
    shares: Mapping[str, float]


MONTAGE = Trimmings(
    handles=("@montage.clubcam", "@northhall_events", "@campus_beats.live", "@the.lawn.collective", "@studioseven_x"),
    photographers=(
        "@riya.frames_",
        "@arjun_lowlight",
        "@meera.shoots.raw",
        "@dev__35mm",
        "@tenzin.clicks",
        "@zoya_iso",
    ),
    credits=("📸: {}", "📸 {}", "📷 : {}", "PC: {}", "PC - {}", "Photo credits: {}", "Shot by {}"),
    hints=("Swipe →", "Swipe left for more", "Swipe left ➡️", "(Swipe)", "swipe for more 👉", "SWIPE →"),
    sites=("https://montage.example/gallery", "http://photos.example/e/1403", "www.montage.example/join"),
    base_tags=("#Montage", "#PhotographyClub", "#CampusLife"),
    topic_tags={
        "stage": ("#Stage", "#Concert", "#Live"),
        "speaker": ("#Speaker", "#Talk", "#Ideas"),
        "award": ("#Awards", "#Winners"),
        "audience": ("#Audience", "#Vibes"),
        "portrait": ("#Portrait", "#Faces", "#portrait_mood"),
        "group photo": ("#GroupShot", "#Team", "#family4ever"),
        "food": ("#Food", "#Treats", "#foodie"),
        "night": ("#Night", "#LowLight"),
        "landscape": ("#Landscape", "#Wanderlust"),
        "sports": ("#Sports", "#Action", "#GameDay"),
        "exhibition": ("#PhotoExhibition", "#ArtInFocus"),
        "campus": ("#Campus", "#Home"),
    },
    other_tags=("#photooftheday", "#instagood", "#throwback", "#batch26", "#nofilter", "#club_diaries", "#weekendmood"),
    emoji={
        "stage": "🎶🎤🔥✨",
        "speaker": "🎤💫✨",
        "award": "🏆🥇👏🎉",
        "audience": "🙌👏❤️",
        "portrait": "😍✨💖",
        "group photo": "😄❤️💙",
        "food": "🍕😍🎂",
        "night": "🌙🌟✨",
        "landscape": "🌅🌲🌊",
        "sports": "⚽🏀🔥",
        "exhibition": "📸✨🌟",
        "campus": "🌟💙✨",
    },
    shares={"emoji": 0.6, "hint": 0.3, "credit": 0.5, "handles": 0.3, "site": 0.06, "tags": 0.85, "lines": 0.4},
)
RIVAL = Trimmings(
    handles=("@shutter.society.x", "@oldtown_press"),
    photographers=("@k.b_prints", "@lena.o_film", "@halftone__m"),
    credits=("photo {}", "by {}"),
    hints=("swipe →", "swipe left"),
    sites=("https://shutter.example/archive",),
    base_tags=("#shuttersociety",),
    topic_tags={
        "stage": ("#live",),
        "portrait": ("#faces",),
        "night": ("#longexposure",),
        "landscape": ("#fieldtrip",),
        "sports": ("#sport",),
        "campus": ("#architecture",),
    },
    other_tags=("#35mm", "#monochrome", "#film"),
    emoji={},
    shares={"emoji": 0, "hint": 0.1, "credit": 0.4, "handles": 0.15, "site": 0.04, "tags": 0.4, "lines": 0.15},
)
