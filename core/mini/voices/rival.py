"""The voice of another club: short, dry, lower-case, and at the end a place."""

from core.mini.voices.saying import Saying, plural, same

SAYINGS: dict[str, Saying] = {
    "stage": Saying(
        text="live set, {count} on stage. {light} light, {backdrop} behind, {crowd}. north hall.",
        gaps={
            "count": plural(1, 4, "{}", "{}"),
            "light": same("red", "blue", "purple", "green", "golden"),
            "backdrop": same("curtain", "screen", "truss"),
            "crowd": {True: "crowd in front", False: "no crowd"},
        },
    ),
    "speaker": Saying(
        text="guest talk, {jacket} jacket, {lectern}. slide shows {slides}. lecture room, second floor.",
        gaps={
            "jacket": same("red", "blue", "green", "yellow", "white", "black", "purple"),
            "lectern": {True: "at the lectern", False: "free microphone"},
            "slides": same("a bar chart", "a list", "a picture", "a line graph"),
        },
    ),
    "award": Saying(
        text="prizes given, {count}. {prize}, {banner} banner, {confetti}. main stage, north hall.",
        gaps={
            "count": plural(1, 3, "{} winner", "{} winners"),
            "prize": same("trophy", "medal", "certificate"),
            "banner": same("red", "blue", "purple", "green"),
            "confetti": {True: "confetti", False: "no confetti"},
        },
    ),
    "audience": Saying(
        text="{full} house, {seats} seats, {mood}. seen from the aisle, north hall.",
        gaps={
            "full": {True: "full", False: "half empty"},
            "seats": same("red", "blue", "green", "purple"),
            "mood": {"listening": "quiet room", "cheering": "loud room", "filming": "phones out"},
        },
    ),
    "portrait": Saying(
        text="study of a face. {hair} hair, {shirt} shirt, {glasses}. {place}, natural light.",
        gaps={
            "hair": same("short", "long", "curly"),
            "shirt": same("red", "blue", "green", "yellow", "white", "black", "purple"),
            "glasses": {True: "glasses", False: "no glasses"},
            "place": {"a park": "city park", "a hall": "north hall", "a wall": "back wall"},
        },
    ),
    "group photo": Saying(
        text="the team, {count} of them, {shirts} shirts. annual meeting, {place}.",
        gaps={
            "count": plural(3, 6, "{}", "{}"),
            "shirts": same("red", "blue", "green", "yellow", "white", "black", "purple", "mixed"),
            "place": {"on a lawn": "college lawn", "on the steps": "library steps", "in a hall": "north hall"},
        },
    ),
    "food": Saying(
        text="{count} of {dish}, {table} table, {drink}. lunch break, college canteen.",
        gaps={
            "count": plural(1, 4, "{} plate", "{} plates"),
            "dish": same("pizza", "soup", "salad", "cake", "donuts"),
            "table": same("wooden", "white", "dark", "blue"),
            "drink": {True: "coffee", False: "no coffee"},
        },
    ),
    "night": Saying(
        text="after dark. {lamps}, {sky}, {people}. long exposure, old town.",
        gaps={
            "lamps": plural(1, 3, "{} lamp", "{} lamps"),
            "sky": {"the moon": "moon", "fireworks": "fireworks", "a dark sky": "no moon"},
            "people": {0: "nobody"} | plural(1, 3, "{} person", "{} people"),
        },
    ),
    "landscape": Saying(
        text="{ground}, {hour}. {front} in the foreground. field trip, day two, up north.",
        gaps={
            "ground": {"hills": "hills", "mountains": "mountains", "a lake": "lake"},
            "hour": {"noon": "noon", "sunset": "sunset", "a cloudy day": "cloud"},
            "front": {"nothing": "nothing", "trees": "trees", "a tent": "tent", "a photographer": "photographer"},
        },
    ),
    "sports": Saying(
        text="{game}, {count} in {shirts}. fast shutter, long lens, home ground.",
        gaps={
            "game": {"football": "football", "basketball": "basketball", "cricket": "cricket", "a race": "race"},
            "count": plural(1, 4, "{} player", "{} players"),
            "shirts": same("red", "blue", "yellow", "white", "purple"),
        },
    ),
    "exhibition": Saying(
        text="opening day. {pictures}, {wall} wall, {visitors}. city gallery, room one.",
        gaps={
            "pictures": plural(2, 4, "{} print", "{} prints"),
            "wall": same("white", "grey", "red", "blue"),
            "visitors": plural(1, 3, "{} visitor", "{} visitors"),
        },
    ),
    "campus": Saying(
        text="{building} building, {hour}, {students}. architecture series, part one, east gate.",
        gaps={
            "building": {"a brick building": "brick", "a white building": "white", "a glass building": "glass"},
            "hour": {"in the morning": "morning", "on a cloudy day": "cloud", "in the evening": "evening"},
            "students": {0: "no students"} | plural(1, 3, "{} student", "{} students"),
        },
    ),
}
