"""The files for operators: compose.yaml and ops/kubernetes hold what the guides promise, and no secret."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.main import get_command

from app.cli import commands
from app.cli.serve import SHUTDOWN_SECONDS
from app.settings import Settings
from lead_assignment.__main__ import main  # noqa: F401 - the command that the files run

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OBJECTS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "ops/kubernetes").glob("*.yaml")}
DRAIN_SECONDS = Settings(env="production").seconds_to_drain
PLACEHOLDER = re.compile(r"\$\{[A-Z_]+:[?-]\}")
VARIABLES = {f"LEAD_ASSIGNMENT_{name}".upper() for name in Settings.model_fields} | {
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
}

COMPOSE_KEYS = {
    "build", "image", "command", "environment", "configs", "volumes", "healthcheck", "restart", "depends_on",
    "read_only", "tmpfs", "cap_drop", "security_opt", "ports", "profiles", "stop_grace_period",
}  # fmt: skip
POD_KEYS = {
    "restartPolicy", "automountServiceAccountToken", "securityContext", "containers", "volumes",
    "terminationGracePeriodSeconds", "topologySpreadConstraints",
}  # fmt: skip
CONTAINER_KEYS = {
    "name", "image", "command", "env", "ports", "startupProbe", "livenessProbe", "readinessProbe",
    "securityContext", "resources", "volumeMounts",
}  # fmt: skip
PROBE_KEYS = {"httpGet", "periodSeconds", "timeoutSeconds", "failureThreshold"}


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found
    return int(found[1])


def test_compose_services_have_known_keys_and_depend_on_one_another() -> None:
    for name, service in SERVICES.items():
        assert service.keys() <= COMPOSE_KEYS, name
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            assert how["condition"] in ("service_healthy", "service_completed_successfully")
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
    assert {each["source"] for each in SERVICES["postgres"]["configs"]} <= COMPOSE["configs"].keys()


def test_compose_waits_for_readiness_and_lets_requests_end() -> None:
    app = SERVICES["app"]
    assert "/readyz" in app["healthcheck"]["test"][-1]
    compile(app["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert seconds(app["stop_grace_period"]) > DRAIN_SECONDS + SHUTDOWN_SECONDS
    assert SERVICES["first-key"]["profiles"]  # not started with the others


def test_compose_migrates_as_the_owner_of_the_tables() -> None:
    for name in ("migrate", "first-key"):
        assert "//lead_assignment_owner:" in SERVICES[name]["environment"]["MIGRATION_DATABASE_URL"]
    assert "MIGRATION_DATABASE_URL" not in SERVICES["app"]["environment"]
    roles = COMPOSE["configs"]["roles"]["content"]
    assert "ALTER DATABASE lead_assignment OWNER TO lead_assignment_owner" in roles
    assert "SUPERUSER" not in roles
    assert "CREATEROLE" not in roles


def test_files_hold_no_password() -> None:
    for name, value in _environments():
        assert name in VARIABLES or name.startswith("POSTGRES_")
        if "PASSWORD" in name or "SECRET" in name:
            assert PLACEHOLDER.fullmatch(value), name
        if "://" in value:
            assert PLACEHOLDER.search(value), name
    for pod in _pods():
        for entry in pod["containers"][0]["env"]:
            secret = entry["name"].endswith(("_URL", "_KEY"))
            assert entry.keys() == {"name", "valueFrom" if secret else "value"}
            assert entry["name"] in VARIABLES


def _environments() -> Iterator[tuple[str, str]]:
    for service in SERVICES.values():
        yield from service.get("environment", {}).items()


def _pods() -> Iterator[dict[str, Any]]:
    for each in ("deployment", "migrate"):
        yield OBJECTS[each]["spec"]["template"]["spec"]


def test_kubernetes_objects_are_of_the_kinds_that_belong_together() -> None:
    kinds = {(each["apiVersion"], each["kind"]) for each in OBJECTS.values()}
    assert kinds == {
        ("apps/v1", "Deployment"),
        ("batch/v1", "Job"),
        ("v1", "Service"),
        ("policy/v1", "PodDisruptionBudget"),
    }
    deployment = OBJECTS["deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert OBJECTS["service"]["spec"]["selector"] == labels
    assert OBJECTS["disruption-budget"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["migrate"]["spec"]["template"]["metadata"]["labels"] != labels
    ports = {each["name"] for each in deployment["template"]["spec"]["containers"][0]["ports"]}
    assert {each["targetPort"] for each in OBJECTS["service"]["spec"]["ports"]} <= ports


@pytest.mark.parametrize("pod", list(_pods()), ids=["deployment", "migrate"])
def test_pods_run_as_nobody_on_a_file_system_they_cannot_change(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert pod.keys() <= POD_KEYS
    assert container.keys() <= CONTAINER_KEYS
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}" in (ROOT / "Dockerfile").read_text()
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {each["name"] for each in container["volumeMounts"]}
    assert mounted == {each["name"] for each in pod["volumes"]}


def test_probes_ask_the_right_routes_and_the_grace_period_is_long_enough() -> None:
    pod = OBJECTS["deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    for probe, path in (
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ):
        assert container[probe].keys() <= PROBE_KEYS
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}
    drain = {each["name"]: each.get("value") for each in container["env"]}["LEAD_ASSIGNMENT_DRAIN_SECONDS"]
    assert pod["terminationGracePeriodSeconds"] > int(drain or 0) + SHUTDOWN_SECONDS
    probe = container["readinessProbe"]
    assert probe["timeoutSeconds"] > Settings(env="production").request_timeout_seconds


def _command_lines() -> Iterator[list[str]]:
    """The commands of the product that the files run, or tell people to run."""
    lines = [" ".join(service.get("command", ())) for service in SERVICES.values()]
    lines += [" ".join(pod["containers"][0]["command"]) for pod in _pods()]
    lines += re.findall(r"^#.*(lead-assignment .*)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    for line in lines:
        for part in line.split("&&"):
            _, found, words = part.partition("lead-assignment ")
            if found:
                yield words.split()


@pytest.mark.parametrize("words", list(_command_lines()), ids=" ".join)
def test_commands_that_the_files_run_exist_with_their_options(words: list[str]) -> None:
    command: Any = get_command(commands)
    while hasattr(command, "get_command"):
        name, *words = words
        command = command.get_command(None, name)
        assert command is not None, name
    command.make_context(command.name, words)


def test_ports_and_paths_of_the_files_are_those_of_the_service() -> None:
    container = OBJECTS["deployment"]["spec"]["template"]["spec"]["containers"][0]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert ports["http"] == Settings(env="production").port
    assert ports["metrics"] == int(environment["LEAD_ASSIGNMENT_METRICS_PORT"])
    assert SERVICES["app"]["ports"] == [f"127.0.0.1:{ports['http']}:{ports['http']}"]
    paths = orjson.loads((ROOT / "docs/openapi.json").read_bytes())["paths"]
    asked = {
        container[each]["httpGet"]["path"] for each in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked <= paths.keys()
    (path,) = re.findall(rf":{ports['http']}(/\w+)", SERVICES["app"]["healthcheck"]["test"][-1])
    assert path in paths
