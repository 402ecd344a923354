"""A process that votes: review_voter.py URL SECRET_FOLDER TOKEN NAME [COOKIE]; prints how many votes it cast."""

import sys
from pathlib import Path

from core.reviews.desk import open_desk
from core.reviews.reviewers import join
from core.reviews.voting import Said, show, vote


def main(url: str, folder: str, token: str, name: str, cookie: str = "") -> None:
    desk = open_desk(Path(folder), url=url)
    cookie = cookie or join(desk, token, name)
    cast = 0
    for choice in ("left", "right", "tie", "both_bad"):
        item = show(desk, token, cookie, 1)
        for place in range(1, item.of + 1):
            vote(desk, token, cookie, show(desk, token, cookie, place).item, Said(choice=choice))  # type: ignore[arg-type]
            cast += 1
    print(cast)


if __name__ == "__main__":
    main(*sys.argv[1:])
