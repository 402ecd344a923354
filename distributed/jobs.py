"""Jobs on a Ray cluster: submitted with the folder as it is, followed, stopped, and asked where their results lie."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ConfigError, InputError
from distributed.places import RESULT_LINE, is_uri

__all__ = ["Job", "JobRequest", "Jobs", "Made"]

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_ADDRESS = "RAY_API_SERVER_ADDRESS"
_DEFAULT = "http://127.0.0.1:8265"
_MADE = re.compile(rf"^{re.escape(RESULT_LINE)}(?P<place>.+) \((?P<mark>[0-9a-f]+)\)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """What is to be run."""

    command: Sequence[str]
    """Program and arguments, such as python -m distributed.tune tune_configs/joint_sweep.yaml."""
    folder: Path
    """Shipped to the cluster but for what .gitignore names; the command runs in a copy of it."""
    results: str | None = None
    """Absolute path on the cluster, or URI, that results go to; None takes the user's data folder there."""
    store: str | None = None
    """Absolute path on the cluster, seen by all nodes."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further environment of the command and of its workers."""
    job_id: str | None = None
    """None makes one up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job as the cluster knows it."""

    job_id: str
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
    command: str
    message: str
    """What the cluster says of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A result that a job told of."""

    place: str
    """Absolute path on the cluster, or URI."""
    mark: str
    """Which lies in the folder, so that it can be told from one of the same path elsewhere."""


class Jobs:
    """The jobs of one cluster.

    Args:
        address: of its dashboard, such as http://10.0.0.1:8265; None takes what RAY_API_SERVER_ADDRESS or RAY_ADDRESS
            say, else this machine's.

    Raises:
        ConfigError: there is no such cluster, or it does not let us in.
    """

    def __init__(self, address: str | None = None) -> None:
        named = address or os.environ.get(_ADDRESS) or os.environ.get("RAY_ADDRESS") or _DEFAULT
        self.address = named
        with _told(named), _variable(_ADDRESS, named):
            _use_token()
            from ray.job_submission import JobSubmissionClient

            self._client: Any = JobSubmissionClient(named)

    def submit(self, request: JobRequest) -> str:
        """Ship the folder and start the command; returns the job's id.

        Raises:
            InputError: the folder is not Montage's, so that the command would find no code.
            ConfigError: a path is relative, or the cluster refuses.
        """
        if not (request.folder / "distributed" / "__init__.py").is_file():
            raise InputError(
                f"{request.folder} does not hold Montage (there is no distributed/ in it), and a job finds only what "
                "is shipped; run this in Montage's folder, or name it with --working-dir"
            )
        variables = dict(request.variables)
        for name, value in (("MONTAGE_RESULTS", request.results), ("MONTAGE_STORE", request.store)):
            if value is None:
                continue
            if not is_uri(value) and not value.startswith("/"):
                raise ConfigError(f"{name} is {value!r}; expected an absolute path on the cluster, or a URI")
            variables[name] = value
        with _told(self.address):
            return str(
                self._client.submit_job(
                    entrypoint=shlex.join(request.command),
                    submission_id=request.job_id,
                    runtime_env={"working_dir": str(request.folder), "env_vars": variables},
                )
            )

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            ConfigError: there is none.
        """
        with _told(self.address):
            return _job(self._client.get_job_info(job_id))

    def all(self) -> list[Job]:
        """The cluster's jobs, the newest first."""
        with _told(self.address):
            found = sorted(self._client.list_jobs(), key=lambda one: one.start_time or 0, reverse=True)
            return [_job(one) for one in found if one.submission_id]

    def logs(self, job_id: str) -> str:
        """What a job has printed so far."""
        with _told(self.address):
            return str(self._client.get_job_logs(job_id))

    def follow(self, job_id: str) -> Iterator[str]:
        """What a job prints, as it does, to its end."""
        lines = self._client.tail_job_logs(job_id)
        with asyncio.Runner() as runner:
            while True:
                with _told(self.address):
                    text = runner.run(_next(lines))
                if text is None:
                    return
                yield text

    def stop(self, job_id: str) -> None:
        """Ask a job to end; it has some seconds for it."""
        with _told(self.address):
            self._client.stop_job(job_id)

    def made(self, job_id: str) -> list[Made]:
        """The results that a job told of in its log, each once."""
        found = {one["place"]: Made(place=one["place"], mark=one["mark"]) for one in _MADE.finditer(self.logs(job_id))}
        return list(found.values())


async def _next(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


def _job(info: Any) -> Job:
    status = str(getattr(info.status, "value", info.status))
    return Job(job_id=info.submission_id, status=status, command=info.entrypoint, message=info.message or "")


@contextmanager
def _told(address: str) -> Iterator[None]:
    """What Ray raises, as errors that say what to do."""
    try:
        yield
    except ConnectionError as error:
        raise ConfigError(
            f"no Ray head answers at {address} ({_first_line(error)}); start one with `ray start --head`, or name it "
            "with --address (its dashboard, such as http://10.0.0.1:8265)"
        ) from None
    except RuntimeError as error:
        raise ConfigError(f"{address} refused: {_first_line(error)}") from None
    except Exception as error:
        if type(error).__name__ != "AuthenticationError":
            raise
        raise ConfigError(
            f"{address} asks for the token of its cluster ({_first_line(error)}); copy ~/.ray/auth_token from the "
            "machine that started it, or name a copy in RAY_AUTH_TOKEN_PATH"
        ) from None


def _use_token() -> None:
    """Send the token where there is one: a head sends clients without it away, and Ray's own client has to be told."""
    there = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if there or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set within the block: for Ray's client the environment wins over what it is told."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0].strip().rstrip(".")[:300] if lines else type(error).__name__
