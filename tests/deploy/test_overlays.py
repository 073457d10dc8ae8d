"""Overlays and compose say what they mean: their names exist, their files are there."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ROOT / "deploy" / "overlays"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
KNOWN = {str(field.validation_alias) for field in Settings.model_fields.values()}


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((OVERLAYS / name).read_text(encoding="utf-8"))
    return found


def test_the_readme_lists_every_overlay() -> None:
    listed = (OVERLAYS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in OVERLAYS.glob("*.yaml") if f"({path.name})" not in listed] == []


@pytest.mark.parametrize("name", ["seed-configmap.yaml", "postgres-init.yaml"])
def test_manifests_are_valid(name: str) -> None:
    manifest = read(name)
    kubernetes_validate.validate(manifest, "1.31", strict=True)
    assert manifest["metadata"]["namespace"] == "onyx-infra"


def test_the_seeds_keys_are_settings_and_reach_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = read("seed-configmap.yaml")
    with Chart.load(ROOT / "deploy/helm/onyx-vector-search") as chart:
        files = chart.render(read("seed-values.yaml"), name="vectors", namespace="onyx-infra")
    prefix = "onyx-vector-search/templates"
    [service] = yaml.safe_load(files[f"{prefix}/deployment.yaml"])["spec"]["template"]["spec"]["containers"]
    config = yaml.safe_load(files[f"{prefix}/configmap.yaml"])
    assert {"configMapRef": {"name": seed["metadata"]["name"]}} in service["envFrom"]
    # Later sources go before earlier ones: what both name must agree.
    assert {name: config["data"][name] for name in seed["data"] if name in config["data"]}.items() <= seed[
        "data"
    ].items()
    for name, value in (config["data"] | seed["data"]).items():
        monkeypatch.setenv(name, value)
    assert Settings().db_host == seed["data"]["VECTOR_DB_HOST"]


def test_onyx_is_pointed_at_the_service_of_the_chart() -> None:
    with Chart.load(ROOT / "deploy/helm/onyx-vector-search") as chart:
        values = yaml.safe_load((ROOT / "deploy/helm/onyx-vector-search/ci/default-values.yaml").read_text("utf-8"))
        service = yaml.safe_load(
            chart.render(values, name="vectors", namespace="onyx-infra")["onyx-vector-search/templates/service.yaml"]
        )
    name, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    for overlay in ("onyx-values.yaml", "onyx-values-both.yaml"):
        url = read(overlay)["configMap"]["PGVECTOR_INDEX_URL"]
        assert url == f"http://{name}.onyx-infra.svc.cluster.local:{port}"


def test_compose_names_settings_that_exist() -> None:
    for name in ("migrate", "service"):
        assert set(COMPOSE["services"][name]["environment"]) <= KNOWN


def test_compose_runs_the_image_as_the_chart_does() -> None:
    for name in ("migrate", "service"):
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["user"] == "10001:10001"
        assert service["cap_drop"] == ["ALL"]
    assert COMPOSE["services"]["service"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_compose_mounts_files_that_are_there_and_opens_no_port_to_strangers() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / "deploy" / source).exists(), source
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        assert ":latest" not in service["image"]
        assert ":" in service["image"]


def test_prometheus_of_compose_scrapes_the_service_and_reads_the_alerts() -> None:
    config = yaml.safe_load((ROOT / "deploy/monitoring/prometheus.yml").read_text(encoding="utf-8"))
    [job] = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["service:8080"]}]
    assert config["rule_files"] == ["/etc/prometheus/alerts/*.yaml"]
    assert any(v.endswith(":/etc/prometheus/alerts:ro") for v in COMPOSE["services"]["prometheus"]["volumes"])
