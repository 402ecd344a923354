"""The store: content-addressed, atomic, shared by processes, harmless when damaged."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.store import Store, digest, write_atomic


def test_arrays_are_computed_once(store: Store) -> None:
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}

    first, second = store.arrays("kind", "k" * 40, compute), store.arrays("kind", "k" * 40, compute)
    np.testing.assert_array_equal(first["x"], second["x"])
    assert (len(calls), store.found, store.computed) == (1, {"kind": 1}, {"kind": 1})


def test_json_and_bytes_are_computed_once(store: Store) -> None:
    assert store.json("j", "a" * 40, lambda: {"k": [1, None]}) == {"k": [1, None]}
    assert store.json("j", "a" * 40, lambda: pytest.fail("computed again")) == {"k": [1, None]}
    assert store.bytes("b", "a" * 40, lambda: b"data") == b"data"
    assert store.bytes("b", "a" * 40, lambda: pytest.fail("computed again")) == b"data"


@pytest.mark.parametrize("damage", [b"", b"half", b"\xff" * 100])
def test_damaged_entries_are_computed_again(store: Store, damage: bytes) -> None:
    for kind in ("arrays", "json"):
        write_atomic(store.root / kind / "kk" / ("k" * 38), damage)  # type: ignore[operator]
    assert store.arrays("arrays", "k" * 40, lambda: {"x": np.ones(2)})["x"].sum() == 2
    assert store.json("json", "k" * 40, lambda: [1]) == [1]
    assert store.arrays("arrays", "k" * 40, lambda: pytest.fail("not repaired"))["x"].sum() == 2


def test_a_store_that_cannot_be_written_costs_time_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file")
    assert store.bytes("b", "a" * 40, lambda: b"data") == b"data"


def test_digest_tells_types_shapes_and_boundaries_apart() -> None:
    a = np.arange(4, dtype=np.float32)
    keys = [
        digest(a),
        digest(a.reshape(2, 2)),
        digest(a.astype(np.float64)),
        digest(a.tobytes()),
        digest("ab", "c"),
        digest("a", "bc"),
        digest(["ab", "c"]),
        digest(1),
        digest("1"),
    ]
    assert len(set(keys)) == len(keys)
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_two_processes_write_the_same_keys_without_a_half_written_read(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path; from core.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for i in range(150):\n"
        "    key = f'{i % 5:02d}' * 20\n"
        "    store.put_arrays('k', key, {'x': np.full(20000, i % 5, dtype=np.int32)})\n"
        "    got = store.get_arrays('k', key)\n"
        "    assert got is not None and (got['x'] == i % 5).all(), i\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "s")]
    for process in [subprocess.Popen(command) for _ in range(2)]:
        assert process.wait(timeout=120) == 0
    assert not list((tmp_path / "s").rglob(".*")), "a temporary file was left behind"


def test_sizes_and_clear(store: Store) -> None:
    store.put_bytes("a", digest("x"), b"123")
    assert store.root is not None
    (store.root / "Pictures").mkdir()
    (store.root / "Pictures" / "mine.jpg").write_bytes(b"keep")
    assert list(store.sizes()) == [("a", 1, 3)]
    store.clear()
    assert list(store.sizes()) == []
    assert [p.relative_to(store.root).as_posix() for p in store.root.rglob("*.jpg")] == ["Pictures/mine.jpg"]
