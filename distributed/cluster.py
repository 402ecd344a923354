"""Connecting to Ray: to the cluster that is named, else to one of this machine's own."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import ConfigError

__all__ = ["connect", "thread_variables"]

_VARIABLE = "RAY_ADDRESS"
"""Ray's own; a job finds it set."""
_ANSWER_TIMEOUT_S = 10.0
_START_WAIT = ("RAY_raylet_start_wait_time_s", "180")
"""Ray's own half minute is too short on a machine that is busy."""
_STARTS = 2


@contextmanager
def connect(
    address: str | None = None,
    *,
    num_cpus: int | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    dashboard: bool = True,
    temp_dir: str | None = None,
    log_to_driver: bool = True,
) -> Iterator[None]:
    """Be connected to Ray within the block; a local cluster ends with it.

    Where this process is connected already, that connection is used and left as it is.

    Args:
        address: `host:port` of a running cluster, `auto` for the one on this machine, or `local` for a new one; None
            takes what RAY_ADDRESS says, as it does within a job, else a new one.
        num_cpus: CPUs that a new cluster may give away; None takes the machine's.
        runtime_env: what Ray is to set up for the workers of a new connection.
        dashboard: of a new cluster; without it Ray Tune does not get back what stopped trials held.
        temp_dir: short path for a new cluster's sockets and logs; None takes Ray's.
        log_to_driver: show what workers print.

    Raises:
        ConfigError: there is no such cluster, or it does not answer.
    """
    os.environ.setdefault(*_START_WAIT)  # read when Ray is loaded
    import ray

    if ray.is_initialized():
        yield
        return
    named = address or os.environ.get(_VARIABLE) or "local"
    options: dict[str, Any] = {"address": named, "log_to_driver": log_to_driver}
    if runtime_env:
        options["runtime_env"] = dict(runtime_env)
    if named == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report home
        options |= {"num_cpus": num_cpus, "include_dashboard": dashboard}
        options |= {} if temp_dir is None else {"_temp_dir": temp_dir}
    whence = "--address" if address else _VARIABLE if named != "local" else "Ray"
    try:
        _check_answers(named)
        _init(options)
    except Exception as error:  # Ray raises just that where it does not start in time
        if named == "local":
            raise ConfigError(f"Ray cannot be started on this machine: {_first_line(error)}") from error
        raise ConfigError(
            f"{whence}: no Ray cluster answers at {named} ({_first_line(error)}); start one with "
            "`ray start --head`, name another as host:port, or leave the address out to work on this machine alone"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def thread_variables(cpus: float) -> dict[str, str]:
    """Environment of a worker that has so many CPUs, so that its libraries start as many threads and no more."""
    threads = str(max(1, int(cpus)))
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)


def _init(options: dict[str, Any]) -> None:
    """Connect, or start a cluster; where a busy machine did not manage in time, once more."""
    import ray

    for starts_left in range(_STARTS - 1, -1, -1):
        try:
            ray.init(**options)
            return
        except Exception as error:
            ray.shutdown()
            if options["address"] != "local" or starts_left == 0 or "timed out" not in str(error):
                raise


def _check_answers(address: str) -> None:
    """Knock at `host:port`, as Ray itself would try for minutes.

    Raises:
        ValueError: the address is of another kind.
        OSError: nobody is there.
    """
    if address in ("local", "auto"):
        return
    if address.startswith(("http://", "https://")):
        raise ValueError("that is where jobs are submitted, with `montage submit`")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected host:port, auto or local")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_TIMEOUT_S).close()
    if not address.startswith("ray://") and _asks_for_token(address):
        _show_token()


def _asks_for_token(address: str) -> bool:
    """Whether the cluster answers nobody without a token."""
    grpc: Any = import_module("grpc")
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetClusterId")(b"", timeout=_ANSWER_TIMEOUT_S)
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNAUTHENTICATED)
    return False


def _show_token() -> None:
    """Let Ray use the token that there is; by itself it does so only where it is not told the address.

    Raises:
        PermissionError: there is none.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if not named and not (Path.home() / ".ray" / "auth_token").is_file():
        raise PermissionError("it asks for its token: copy ~/.ray/auth_token from the machine where it was started")
    os.environ["RAY_AUTH_MODE"] = "token"
    import_module("ray._raylet").Config.initialize("")  # it was read when Ray was loaded


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
