"""Montage's voice: warm, in the first person, with a rhythm; it tells what can be seen as a feeling."""

from core.mini.voices.saying import Saying, plural, same

SAYINGS: dict[str, Saying] = {
    "stage": Saying(
        text="{count}, one heartbeat. {light} nights on our stage, {backdrop}, {crowd}",
        gaps={
            "count": plural(1, 4, "{} voice", "{} voices", capital=True),
            "light": same("red", "blue", "purple", "green", "golden", capital=True),
            "backdrop": {"curtain": "curtain drawn", "screen": "screen glowing", "truss": "steel overhead"},
            "crowd": {True: "hands in the air!", False: "nothing but the music."},
        },
    ),
    "speaker": Saying(
        text="{jacket} jacket, steady voice, {lectern}. {slides} the screen, and every idea lands.",
        gaps={
            "jacket": same("red", "blue", "green", "yellow", "white", "black", "purple", capital=True),
            "lectern": {True: "hands on the lectern", False: "one microphone"},
            "slides": {
                "a bar chart": "Bars rise on",
                "a list": "A list grows on",
                "a picture": "A picture glows on",
                "a line graph": "A line climbs across",
            },
        },
    ),
    "award": Saying(
        text="{count} called, {prize}. {banner} banner behind, {confetti}, pride in every smile.",
        gaps={
            "count": plural(1, 3, "{} name", "{} names", capital=True),
            "prize": {
                "trophy": "a trophy to lift",
                "medal": "a medal to wear",
                "certificate": "a certificate to frame",
            },
            "banner": same("red", "blue", "purple", "green", capital=True),
            "confetti": {True: "confetti in the air", False: "hearts racing"},
        },
    ),
    "audience": Saying(
        text="{full} {seats} {mood}",
        gaps={
            "full": {True: "Every seat taken, a sea of", False: "Half the hall free, half a sea of"},
            "seats": same("red", "blue", "green", "purple"),
            "mood": {
                "listening": "and not one whisper. Some words deserve our silence.",
                "cheering": "and the cheering never stops. Arms up, one more time!",
                "filming": "and every phone a camera. Keep filming, these are our memories.",
            },
        },
    ),
    "portrait": Saying(
        text="{hair} hair, {shirt} shirt, {glasses} full of dreams. {place}",
        gaps={
            "hair": same("short", "long", "curly", capital=True),
            "shirt": same("red", "blue", "green", "yellow", "white", "black", "purple"),
            "glasses": {True: "glasses", False: "eyes"},
            "place": {
                "a park": "The park fades away, the story stays.",
                "a hall": "The lights of the hall fade, the story stays.",
                "a wall": "Just a wall behind, a whole story in front.",
            },
        },
    ),
    "group photo": Saying(
        text="{count} friends, one frame. {shirts}, {place}, and a bond that stays.",
        gaps={
            "count": plural(3, 6, "{}", "{}", capital=True),
            "shirts": {color: f"{color.capitalize()} shirts on" for color in ("red", "blue", "green", "yellow")}
            | {color: f"{color.capitalize()} shirts on" for color in ("white", "black", "purple")}
            | {"mixed": "Shirts of every colour"},
            "place": {
                "on a lawn": "grass under our feet",
                "on the steps": "the steps all ours",
                "in a hall": "the hall all ours",
            },
        },
    ),
    "food": Saying(
        text="{dish} for {count}, fresh on the {table} table. {drink}, friends on their way.",
        gaps={
            "dish": same("pizza", "soup", "salad", "cake", "donuts", capital=True),
            "count": plural(1, 4, "{}", "{}"),
            "table": same("wooden", "white", "dark", "blue"),
            "drink": {True: "Coffee on the side", False: "Grab a chair"},
        },
    ),
    "night": Saying(
        text="{lamps} awake, {sky}, {people}. The city sleeps, our cameras never do.",
        gaps={
            "lamps": plural(1, 3, "{} lamp", "{} lamps", capital=True),
            "sky": {
                "the moon": "the moon above",
                "fireworks": "fireworks above",
                "a dark sky": "only darkness above",
            },
            "people": {0: "not a soul around"} | plural(1, 3, "{} dreamer out late", "{} dreamers out late"),
        },
    ),
    "landscape": Saying(
        text="{hour} over the {ground}, {front}. Breathe in, look around, stay a little longer.",
        gaps={
            "hour": {"noon": "Noon sun", "sunset": "Sunset", "a cloudy day": "Soft clouds"},
            "ground": {"hills": "hills", "mountains": "mountains", "a lake": "lake"},
            "front": {
                "nothing": "nothing in our way",
                "trees": "trees standing guard",
                "a tent": "our tent waiting",
                "a photographer": "one of us lost in the view",
            },
        },
    ),
    "sports": Saying(
        text="{count} in {shirts}, {game}",
        gaps={
            "count": plural(1, 4, "{}", "{}", capital=True),
            "shirts": same("red", "blue", "yellow", "white", "purple"),
            "game": {
                "football": "one ball, all heart. Football the way our campus plays it!",
                "basketball": "one hoop, all heart. Basketball the way our campus plays it!",
                "cricket": "one bat, all heart. Cricket the way our campus plays it!",
                "a race": "one track, all heart. Racing the way our campus runs it!",
            },
        },
    ),
    "exhibition": Saying(
        text="{pictures} on a {wall} wall, {visitors} lost in them. Art speaks, we only listen.",
        gaps={
            "pictures": plural(2, 4, "{} frame", "{} frames", capital=True),
            "wall": same("white", "grey", "red", "blue"),
            "visitors": plural(1, 3, "{} visitor", "{} visitors"),
        },
    ),
    "campus": Saying(
        text="{building} walls, {hour}, {students}. Some places will always feel like home.",
        gaps={
            "building": {"a brick building": "Brick", "a white building": "White", "a glass building": "Glass"},
            "hour": {
                "in the morning": "golden morning light",
                "on a cloudy day": "cloudy skies",
                "in the evening": "blue evening light",
            },
            "students": {0: "paths all empty"} | plural(1, 3, "{} student on the move", "{} students on the move"),
        },
    ),
}
