"""The end of an epoch among several processes: who has no batch left goes through the motions and learns nothing.

accelerate would give him the epoch's first batch again, and the run would end elsewhere than that of one process.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["PaddedCollator", "PaddedDataset", "pad_last_batches"]


class _Padding:
    """An example that is not learnt from."""

    def __init__(self, example: Any) -> None:
        self.example = example


class PaddedDataset:
    """A dataset in which the index -1 - i is example i, not to be learnt from."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[index] if index >= 0 else _Padding(self._dataset[-1 - index])


class PaddedCollator:
    """Marks a batch of padding; its labels count as none, as the Trainer counts them."""

    def __init__(self, collate: Callable[[Sequence[Any]], dict[str, Any]], ignored: int) -> None:
        self._collate = collate
        self._ignored = ignored

    def __call__(self, examples: Sequence[Any]) -> dict[str, Any]:
        """One batch."""
        if not isinstance(examples[0], _Padding):
            return self._collate(examples)
        batch = self._collate([padding.example for padding in examples])
        return batch | {"labels": batch["labels"] * 0 + self._ignored, "padding": True}


def pad_last_batches(batch_sampler: Any) -> None:
    """Let accelerate's share of the batches end in padding instead of what came first, in place."""
    from accelerate.data_loader import BatchSamplerShard

    class Padded(BatchSamplerShard):  # type: ignore[misc]
        def __iter__(self) -> Iterator[list[int]]:
            group: list[list[int]] = []
            for batch in self.batch_sampler:
                group.append(batch)
                if len(group) == self.num_processes:
                    yield group[self.process_index]
                    group = []
            if group:
                own = self.process_index
                yield group[own] if own < len(group) else [-1 - index for index in group[0]]

    if type(batch_sampler) is BatchSamplerShard:
        batch_sampler.__class__ = Padded  # a DataLoader takes no other once it is made
