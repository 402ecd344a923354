"""docs/cluster.md and its YAML files: what they name is there, and says what it should."""

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from cli.main import app

ROOT = Path(__file__).parents[1]
FILES = ROOT / "docs" / "cluster"
IMAGE = "montage:0.1.0"


def loaded(name: str) -> Any:
    return yaml.safe_load((FILES / name).read_text(encoding="utf-8"))


def pods(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


@pytest.mark.parametrize("name", ["raycluster.yaml", "rayjob.yaml"])
def test_kubernetes_files(name: str) -> None:
    found = loaded(name)
    assert found["apiVersion"] == "ray.io/v1"
    assert found["kind"] == {"raycluster.yaml": "RayCluster", "rayjob.yaml": "RayJob"}[name]
    cluster = found["spec"] if name == "raycluster.yaml" else found["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert f"ray=={cluster['rayVersion']}" in (ROOT / "constraints.txt").read_text()
    for pod in pods(cluster):
        (container,) = pod["containers"]
        assert container["image"] == IMAGE
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert variables["PATH"].split(":")[0] == "/home/montage/app/.venv/bin"
        (mount,) = container["volumeMounts"]
        assert mount["name"] == pod["volumes"][0]["name"]
        for name_ in ("MONTAGE_RESULTS", "MONTAGE_STORE", "HF_HOME"):
            assert variables[name_].startswith(f"{mount['mountPath']}/"), "on storage that all nodes see"
    workers = cluster["workerGroupSpecs"]
    assert all(group["minReplicas"] <= group["replicas"] <= group["maxReplicas"] for group in workers)


def test_the_image_is_the_dockerfiles() -> None:
    docker = (ROOT / "Dockerfile").read_text()
    assert "WORKDIR /home/montage/app" in docker, "where the files look for the environment"
    assert f"docker build -t {IMAGE} ." in (ROOT / "docs" / "cluster.md").read_text()


def test_the_job_runs_a_command_that_there_is() -> None:
    inner = shlex.split(loaded("rayjob.yaml")["spec"]["entrypoint"])
    assert inner[:2] == ["bash", "-c"]
    _check_modules(inner[2])


def test_the_launchers_file_is_what_ray_takes() -> None:
    import ray.autoscaler

    schema = json.loads(Path(ray.autoscaler.__file__).with_name("ray-schema.json").read_text())
    found = loaded("vms.yaml")
    jsonschema.validate(found, schema)
    starts = [*found["head_start_ray_commands"], *found["worker_start_ray_commands"]]
    assert sum("ray start" in line and "RAY_AUTH_MODE=token" in line for line in starts) == 2
    assert found["max_workers"] == len(found["provider"]["worker_ips"])
    assert "~/.ray/auth_token" in found["file_mounts"]


def _blocks() -> list[str]:
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def _check_modules(line: str) -> None:
    for module in re.findall(r"python -m ([\w.]+)", line):
        assert importlib.util.find_spec(module) is not None, module
    for path in re.findall(r"tune_configs/\S+\.yaml|docs/cluster/\S+\.yaml", line):
        assert (ROOT / path).is_file(), path


def test_the_pages_commands_name_what_there_is() -> None:
    lines = _blocks()
    assert sum(line.startswith("montage ") for line in lines) >= 10
    for line in lines:
        _check_modules(line)
        words = shlex.split(line, comments=True)
        if words[:1] == ["montage"]:
            _check_command(words[1:])


def _check_command(words: list[str]) -> None:
    """Every word up to the first argument is a command, and every option one of its own."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    own = words[: words.index("--")] if "--" in words else words
    assert {word for word in own if word.startswith("-")} <= options, words


def test_nobody_is_told_to_turn_the_token_off() -> None:
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(FILES.iterdir())]:
        assert "RAY_AUTH_MODE=disabled" not in path.read_text(encoding="utf-8"), path
