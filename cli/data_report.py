"""What `montage data` prints, and the JSON it gives to programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.console import out
from core.training.check import CheckedFile
from core.training.cleaning import Cleaned
from core.training.imported import Imported
from core.training.leakage import Leak
from core.training.problems import Problem, line_ranges
from core.training.split import Part, Split, SplitSettings
from core.training.text_report import Quantiles, TextReport, report_texts
from demo import words

__all__ = [
    "checked_dict",
    "imported_dict",
    "print_checked",
    "print_cleaned",
    "print_imported",
    "print_leaks",
    "print_problems",
    "print_split",
    "print_written",
    "split_dict",
]

_LEAKS = {
    "same_file": "the same photo",
    "same_content": "the same photo under two names",
    "near_duplicate": "near-duplicates",
    "same_caption": "the same caption",
    "same_event": "the same event",
}


def checked_dict(checked: CheckedFile) -> dict[str, Any]:
    """A checked file for programs."""
    return {
        "file": str(checked.path),
        "lines": checked.lines,
        "records": len(checked.records),
        "bad_lines": checked.bad_lines,
        "problems": [problem.to_dict() for problem in checked.problems],
        "text": report_texts(record.caption for record in checked.records).to_dict(),
        "checksum": checked.checksum,
    }


def imported_dict(done: Imported) -> dict[str, Any]:
    """A finished import for programs."""
    counts = {name: getattr(done, name) for name in ("records", "items", "merged", "copied")}
    return {"out": str(done.folder), **counts, "problems": [problem.to_dict() for problem in done.problems]}


def split_dict(
    split: Split, files: Mapping[Part, Path], settings: SplitSettings, checked: CheckedFile
) -> dict[str, Any]:
    """A split for programs."""
    parts = {
        part: {
            "file": str(files[part]),
            "records": len(split.parts[part]),
            "share": split.reached[part],
            "groups": split.groups[part],
        }
        for part in split.parts
    }
    problems = [problem.to_dict() for problem in checked.problems]
    return {"parts": parts, "settings": settings.model_dump(), "notes": list(split.notes), "problems": problems}


def print_checked(checked: CheckedFile, show: int) -> None:
    """How many lines are usable, and what is wrong with the others."""
    events = Counter(record.event_key for record in checked.records)
    nameless = events.pop("", 0)
    counted = [words.count(len(checked.records), "usable record"), words.count(len(events), "event")]
    bad = f", {words.count(len(checked.bad_lines), 'bad line')}" if checked.bad_lines else ", no bad line"
    without = f" ({nameless} without an event)" if nameless else ""
    _say(f"{checked.path}: {counted[0]} of {words.count(checked.lines, 'line')}, {counted[1]}{without}{bad}")
    print_problems(checked.problems, show)
    text = report_texts(record.caption for record in checked.records)
    stray = {kind: getattr(text, f"with_{kind}") for kind in ("handles", "hashtags", "urls", "emails", "swipe_hints")}
    if any(stray.values()):
        found = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in stray.items() if count)
        _say(
            f"  Captions that hold what a model would learn to write: {found}; see `montage data clean`", style="yellow"
        )


def print_problems(problems: Sequence[Problem], show: int) -> None:
    """The first problems in full, the others by their line numbers: every bad line is named."""
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in errors[:show]:
        _say(f"  {problem}", style="red")
    others: dict[tuple[str, str | None, str], list[int]] = {}
    for problem in errors[show:]:
        others.setdefault((problem.file, problem.field, problem.reason), []).append(problem.line or 0)
    for (file, field, reason), lines in others.items():
        _say(f"  {file}: {field or 'line'}: {reason.replace('_', ' ')}: lines {line_ranges(lines)}", style="red")
    warnings = [problem for problem in problems if problem.severity == "warning"]
    for problem in warnings[:show]:
        _say(f"  Note: {problem}", style="yellow")
    if len(warnings) > show:
        _say(f"  and {len(warnings) - show} more notes; --json lists all", style="yellow")


def print_leaks(leaks: Sequence[Leak], show: int) -> None:
    """What training and validation share."""
    if not leaks:
        _say("Nothing is in both training and validation.")
        return
    counts = Counter(leak.kind for leak in leaks)
    for kind, count in counts.items():
        _say(f"In training and validation, {_LEAKS[kind]}: {count}", style="red")
        for leak in [leak for leak in leaks if leak.kind == kind][:show]:
            what = leak.what if len(leak.what) <= 80 else leak.what[:79] + "…"
            _say(f"  {what!r}: training {_lines(leak.train)}, validation {_lines(leak.validation)}", style="dim")
    _say("A validation score would measure memory; `montage data split` keeps such photos and events together.")


def print_cleaned(cleaned: Cleaned, before: TextReport, after: TextReport, samples: int) -> None:
    """Captions before and after, and the counts."""
    for record, text in _spread([pair for pair in cleaned.changed if pair[1]], samples):
        _say(f"line {record.line}", style="dim")
        _say(f"  - {record.caption!r}", style="red")
        _say(f"  + {text!r}", style="green")
    console = out()
    console.print(_text_table(before, after))
    for name in ("words", "hashtags", "handles"):
        top: Sequence[tuple[str, int]] = getattr(after if name == "words" else before, f"frequent_{name}")
        if top:
            when = "after" if name == "words" else "before"
            _say(f"Most frequent {name} ({when}): " + ", ".join(f"{word} {count}" for word, count in top))
    _say(f"{len(cleaned.changed)} of {words.count(len(cleaned.pairs), 'caption')} changed")
    if cleaned.emptied:
        _say(f"No word left, so not in the output: {words.count(len(cleaned.emptied), 'caption')}", style="yellow")
        for record in cleaned.emptied:
            _say(f"  line {record.line}: {record.caption!r}", style="dim")
    for line, text in cleaned.references_emptied:
        _say(f"Reference without a word left, taken out of line {line}: {text!r}", style="yellow")


def print_split(split: Split, files: Mapping[Part, Path]) -> None:
    """The parts and the shares that were reached."""
    table = Table()
    for heading in ("part", "records", "share", "groups", "file"):
        table.add_column(heading, justify="right" if heading in ("records", "share", "groups") else "left")
    for part, records in split.parts.items():
        reached = f"{split.reached[part]:.1%}"
        table.add_row(part, str(len(records)), reached, str(split.groups[part]), Text(str(files[part])))
    out().print(table)
    for note in split.notes:
        _say(f"Note: {note}", style="yellow")


def print_imported(done: Imported, show: int) -> None:
    """What an import did."""
    counted = f"{words.count(done.records, 'record')} from {words.count(done.items, 'item')}"
    _say(f"{counted} → {done.folder / 'records.jsonl'}")
    if done.merged:
        _say(f"{words.count(done.merged, 'item')} of a photo that was there already: their captions became references")
    _say(f"{words.count(done.copied, 'photo')} copied into {done.folder / 'images'}")
    print_problems(done.problems, show)
    if done.problems:
        _say(f"All problems: {done.folder / 'problems.jsonl'}")
    print(f"Next: montage data clean {done.folder / 'records.jsonl'} --out {done.folder / 'clean.jsonl'}")


def print_written(path: Path | None, records: int) -> None:
    """Where the result is."""
    if path is None:
        _say("Nothing was written; name a file with --out to write the cleaned records.")
    else:
        _say(f"{words.count(records, 'record')} → {path}")


def _text_table(before: TextReport, after: TextReport) -> Table:
    table = Table()
    table.add_column("captions and references")
    for heading in ("before", "after"):
        table.add_column(heading, justify="right")
    names = ("captions", "repeated", *(name for name in TextReport.__slots__ if name.startswith("with_")))
    for name in names:
        table.add_row(name.replace("_", " "), str(getattr(before, name)), str(getattr(after, name)))
    for name in ("words", "characters"):
        cells = [_quantiles(getattr(report, name)) for report in (before, after)]
        table.add_row(f"{name}, 0 5 25 50 75 95 100 %", *cells)
    return table


def _quantiles(found: Quantiles | None) -> str:
    if found is None:
        return "–"
    return " ".join(str(getattr(found, name)) for name in Quantiles.__slots__)


def _spread(items: Sequence[Any], most: int) -> Sequence[Any]:
    """Up to `most` items, evenly from all of them."""
    if len(items) <= most or most == 0:
        return items[:most]
    return [items[i * len(items) // most] for i in range(most)]


def _lines(lines: Sequence[int]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {line_ranges(lines)}"


def _say(text: str, *, style: str = "") -> None:
    out().print(Text(text, style=style), soft_wrap=True)
