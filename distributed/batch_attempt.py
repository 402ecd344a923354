"""How a photo that kills its worker is found: by what each worker writes down before it begins.

A worker that dies leaves the photos that it had at hand as suspects; the next one reads each of them alone, and the
one that it dies on is not read any more.
"""

from dataclasses import dataclass, replace

__all__ = ["Attempt"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What a worker is at, within its shard."""

    run: str = ""
    """Of the driver that gave it the shard."""
    deaths: int = 0
    """Workers of the same run that had died on the shard before."""
    start: int = 0
    """Place, within the shard, of the first photo at hand."""
    count: int = 0
    """Photos at hand."""
    alone: bool = False
    """Whether that is a suspect."""
    deadly: tuple[int, ...] = ()
    """Places of photos that are not to be read."""

    def after(self, run: str) -> "Attempt":
        """What the next worker begins with, in the same run or in another.

        A whole run ends for many reasons, so the photo that it had at hand is a suspect only.
        """
        if run != self.run:
            return replace(self, run=run, deaths=0, alone=False)
        deaths = self.deaths + 1
        if not self.alone:
            return replace(self, deaths=deaths)
        deadly = tuple(sorted({*self.deadly, self.start}))
        return replace(self, deaths=deaths, count=0, alone=False, deadly=deadly)

    def at(self, piece: range) -> "Attempt":
        """The same worker, going on to other photos."""
        return replace(self, start=piece.start, count=len(piece), alone=piece.start in self.suspects)

    @property
    def suspects(self) -> range:
        """Places of photos that are to be read alone."""
        return range(self.start, self.start + self.count)
