"""What goes wrong on workers, as errors that say what to do; our own are not tried again, as they would come again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.errors import ModelError, MontageError

__all__ = ["explained", "stop_at_our_errors"]


def stop_at_our_errors() -> Any:
    """A `ray.train.UserCallback` that ends a run at once where a worker raised one of Montage's errors."""
    from ray.train import UserCallback

    class StopAtOurErrors(UserCallback):
        def after_exception(self, run_context: Any, worker_exceptions: Mapping[int, Exception]) -> None:
            for error in worker_exceptions.values():
                ours = _ours(error)
                if ours is not None:
                    raise ours  # in Ray's controller, which does not try again

    return StopAtOurErrors()


@contextmanager
def explained(storage: str) -> Iterator[None]:
    """Within the block, Ray's errors become Montage's.

    Args:
        storage: where the run's checkpoints lie, for the message.
    """
    from ray.train import TrainingFailedError, WorkerGroupError

    try:
        yield
    except TrainingFailedError as error:
        ours = _ours(error)
        if ours is not None:
            raise ours from None
        failures = error.worker_failures if isinstance(error, WorkerGroupError) else {0: error}
        rank, first = next(iter(failures.items()))
        lines = [line for line in str(first).strip().splitlines() if line.strip()]
        raise ModelError(
            f"training failed on worker {rank}, again after the retries that are allowed (--max-failures): "
            f"{lines[-1].strip() if lines else type(first).__name__}. What was reached lies in {storage}; once the "
            "cause is gone, the same command with --resume goes on from there"
        ) from error


def _ours(error: BaseException | None) -> MontageError | None:
    """Montage's error within Ray's wrappings."""
    from ray.train import ControllerError, WorkerGroupError

    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MontageError):
            return error
        seen.add(id(error))
        if isinstance(error, WorkerGroupError):
            found = [_ours(one) for one in error.worker_failures.values()]
            return next((one for one in found if one is not None), None)
        if isinstance(error, ControllerError):
            error = error.controller_failure
        else:
            error = getattr(error, "_base_exc", None) or getattr(error, "cause", None) or error.__cause__
    return None
