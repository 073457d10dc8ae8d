"""The chart as real Helm renders it: valid for Kubernetes, as reviewed, and refusing what cannot work."""

import base64
import copy
import json
import os
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmRenderError, HelmValuesError

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "onyx-vector-search"
SNAPSHOTS = Path(__file__).parent / "snapshots"
EXAMPLES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
KUBERNETES = ("1.27", "1.31", "1.34")
CUSTOM = {"Cluster", "ObjectStore", "ScheduledBackup", "ServiceMonitor", "PrometheusRule"}

Manifest = dict[str, Any]


def values_of(example: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CHART / "ci" / f"{example}-values.yaml").read_text(encoding="utf-8"))
    return values


def render(values: dict[str, Any], *, namespace: str = "onyx-infra", upgrade: bool = False) -> list[Manifest]:
    with Chart.load(CHART) as chart:
        files = chart.render(values, name="vectors", namespace=namespace, is_install=not upgrade, is_upgrade=upgrade)
    texts = [text for name, text in sorted(files.items()) if not name.endswith("NOTES.txt")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def only(manifests: list[Manifest], kind: str, ending: str = "") -> Manifest:
    [found] = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"].endswith(ending)]
    return found


def container(manifest: Manifest) -> dict[str, Any]:
    spec = manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
    [found] = spec["containers"]
    return dict(found)


def changed(example: str, changes: dict[str, Any]) -> dict[str, Any]:
    values = copy.deepcopy(values_of(example))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return values


def test_the_five_ways_to_install_have_an_example() -> None:
    assert set(EXAMPLES) == {"default", "minimal", "full", "external-dsn", "cnpg"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_lints_strictly(example: str) -> None:
    report = helm_python.lint(CHART, values_of(example), strict=True, kube_version="v1.31.0")
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] >= 2] == []


@pytest.mark.parametrize("upgrade", [False, True])
@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_is_valid_for_kubernetes(example: str, version: str, upgrade: bool) -> None:  # noqa: FBT001  a parameter
    kinds = set()
    for manifest in render(values_of(example), upgrade=upgrade):
        kinds.add(manifest["kind"])
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)
    assert {"ConfigMap", "Deployment", "Job", "Service"} <= kinds


@pytest.mark.parametrize("example", EXAMPLES)
def test_renders_what_was_reviewed(example: str) -> None:
    """UPDATE_SNAPSHOTS=1 writes them anew; review the diff."""
    path = SNAPSHOTS / f"{example}.yaml"
    manifests = render(values_of(example))
    for manifest in manifests:  # kept once, in the chart's files, and tested there
        if manifest["metadata"]["name"].endswith("-dashboard"):
            manifest["data"] = dict.fromkeys(manifest["data"], "…")
        if manifest["kind"] == "PrometheusRule":
            manifest["spec"] = "…"
    text = yaml.safe_dump_all(manifests, sort_keys=False, allow_unicode=True, width=120)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) == list(yaml.safe_load_all(text))


def test_everything_goes_to_onyx_infra_unless_another_namespace_is_named() -> None:
    for asked, expected in (("default", "onyx-infra"), ("search", "search")):
        manifests = render(values_of("cnpg"), namespace=asked)
        assert {m["metadata"]["namespace"] for m in manifests} == {expected}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_container_is_unprivileged_and_bounded(example: str) -> None:
    for manifest in render(values_of(example)):
        if manifest["kind"] not in {"Deployment", "Job", "Pod"}:
            continue
        spec = manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        [found] = spec["containers"]
        assert found["securityContext"]["readOnlyRootFilesystem"] is True
        assert found["securityContext"]["allowPrivilegeEscalation"] is False
        assert found["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert found["resources"]["limits"]["memory"]


def test_liveness_never_asks_the_database() -> None:
    service = container(only(render(values_of("default")), "Deployment"))
    assert service["livenessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert service["startupProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert service["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}


def test_the_migration_runs_before_install_and_upgrade_with_a_secret_of_its_own() -> None:
    manifests = render(values_of("full"))
    job, secret = only(manifests, "Job"), only(manifests, "Secret", "-migrate")
    hooks = [m["metadata"]["annotations"] for m in (secret, job)]
    assert [hook["helm.sh/hook"] for hook in hooks] == ["pre-install,pre-upgrade"] * 2
    assert int(hooks[0]["helm.sh/hook-weight"]) < int(hooks[1]["helm.sh/hook-weight"])
    needed = {item["valueFrom"]["secretKeyRef"]["name"] for item in container(job)["env"] if "valueFrom" in item}
    assert needed == {secret["metadata"]["name"]}
    assert "envFrom" not in container(job)  # the ConfigMap is not there yet
    assert {base64.b64decode(value).decode() for value in secret["data"].values()} == {"vectors", "p@ss/word'1"}


def test_with_cnpg_the_first_migration_is_no_hook_since_there_is_no_database_to_wait_for() -> None:
    first = only(render(values_of("cnpg")), "Job")
    later = only(render(values_of("cnpg"), upgrade=True), "Job")
    assert "annotations" not in first["metadata"]
    assert later["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    newer = only(render(changed("cnpg", {"image.tag": "0.2.0"})), "Job")
    assert newer["metadata"]["name"] != first["metadata"]["name"]  # a Job cannot be changed


def test_with_cnpg_service_and_migration_use_the_operators_login() -> None:
    manifests = render(values_of("cnpg"))
    cluster = only(manifests, "Cluster")["metadata"]["name"]
    assert only(manifests, "ConfigMap")["data"]["VECTOR_DB_HOST"] == f"{cluster}-rw"
    for kind in ("Deployment", "Job"):
        secrets = {
            e["valueFrom"]["secretKeyRef"]["name"] for e in container(only(manifests, kind))["env"] if "valueFrom" in e
        }
        assert secrets - {"vectors-keys"} == {f"{cluster}-app"}
        pod = only(manifests, kind)["spec"]["template"]["spec"]
        assert f"{cluster}-ca" in {volume.get("secret", {}).get("secretName") for volume in pod["volumes"]}


def test_pods_roll_when_settings_or_secrets_change() -> None:
    def checksums(values: dict[str, Any]) -> dict[str, str]:
        annotations = only(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return {name: annotations[name] for name in ("checksum/config", "checksum/secret")}

    before = checksums(values_of("minimal"))
    config = checksums(changed("minimal", {"configMap.LOG_LEVEL": "debug"}))
    secret = checksums(changed("minimal", {"auth.postgresql.values.password": "other"}))
    assert config["checksum/config"] != before["checksum/config"]
    assert secret["checksum/secret"] != before["checksum/secret"]
    assert config["checksum/secret"] == before["checksum/secret"]


def test_service_budget_and_policy_select_the_service_and_nothing_else() -> None:
    manifests = render(values_of("full"))
    pods = {
        "service": only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"],
        "migration": only(manifests, "Job")["spec"]["template"]["metadata"]["labels"],
        "test": only(manifests, "Pod")["metadata"]["labels"],
    }
    selectors = {
        "Service": only(manifests, "Service")["spec"]["selector"],
        "PodDisruptionBudget": only(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": only(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    }
    for selector in selectors.values():
        assert [name for name, labels in pods.items() if selector.items() <= labels.items()] == ["service"]
    service_labels = only(manifests, "Service")["metadata"]["labels"]
    monitor = only(manifests, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service_labels.items()
    assert monitor["endpoints"][0]["port"] in [port["name"] for port in only(manifests, "Service")["spec"]["ports"]]


def test_the_configmap_names_every_setting_and_the_service_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Chart.load(CHART) as chart:
        secret = {variable for part in chart.values["auth"].values() for variable in part["secretKeys"]}
    named = list(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["configMap"])
    known = [str(field.validation_alias) for field in Settings.model_fields.values()]
    elsewhere = {"PORT", "VECTOR_SEARCH_HOST", "DATA_DIR", "VECTOR_SEARCH_EMBEDDED_VERSION"}  # port, image, no database
    assert named == [name for name in known if name not in secret | elsewhere]
    for name, value in only(render(values_of("full")), "ConfigMap", "-config")["data"].items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.default_dimension == 768
    assert settings.db_host == "postgres.onyx-infra.svc"


def test_defaults_are_those_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with Chart.load(CHART) as chart:
        given = {name: value for name, value in chart.values["configMap"].items() if value != ""}
    for name in [*given, "DATABASE_URL"]:
        monkeypatch.delenv(name, raising=False)
    plain = Settings().model_dump()
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))
    different = {name for name, value in Settings().model_dump().items() if value != plain[name]}
    assert different <= {"search_connections"}  # the service would go by the processors of the node


@pytest.mark.parametrize(
    ("example", "changes", "said"),
    [
        ("default", {"configMap.VECTOR_DB_HOST": ""}, "Name a database"),
        ("default", {"auth.databaseUrl": {"enabled": True, "existingSecret": "x"}}, "Name one database only"),
        ("cnpg", {"configMap": {"VECTOR_DB_HOST": "elsewhere"}}, "Name one database only"),
        ("minimal", {"auth.postgresql.values.password": ""}, "POSTGRES_PASSWORD is needed"),
        ("minimal", {"auth.apiKeys": {"enabled": True}}, "VECTOR_SEARCH_API_KEYS is needed"),
        ("minimal", {"configMap.VECTOR_SEARCH_ALLOW_ANONYMOUS": "false"}, "Nobody would be answered"),
        ("default", {"terminationGracePeriodSeconds": 30}, "must be at least 45"),
        ("full", {"autoscaling.minReplicas": 10}, "more than autoscaling.maxReplicas"),
        ("cnpg", {"replicaCount": 20}, "connections are needed at most"),
        ("cnpg", {"cnpg.backup.objectStore": {}}, "needs destinationPath"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(example: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmRenderError, match=said):
        render(changed(example, changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 3},
        {"replicaCount": "three"},
        {"replicaCount": -1},
        {"configMap.VECTOR_DB_HOTS": "typo"},
        {"configMap.VECTOR_DB_TYPE": "vespa"},
        {"configMap.VECTOR_DB_EMBEDDING_DIMENSION": 4001},
        {"configMap.VECTOR_DB_TABLE": "drop table"},
        {"configMap.LOG_LEVEL": "loud"},
        {"configMap.EMBEDDING_API_BASE": "litellm:4000"},
        {"global.pullPolicy": "Sometimes"},
        {"image.tag": "not a tag"},
        {"service.type": "ExternalName"},
        {"containerPorts.server": 80},
        {"cnpg.backup.method": "tape"},
        {"cnpg.backup.schedule": "0 3 * * *"},
        {"cnpg.storage.size": "plenty"},
        {"autoscaling.enabled": "yes"},
        {"ingress.hosts": []},
        {"topologySpread": [{"topologyKey": "zone"}]},
        {"auth.postgresql.secretKeys.POSTGRES_USER": ""},
        {"monitoring.serviceMonitor.interval": "often"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_wrong_values_are_refused_by_the_schema(changes: dict[str, Any]) -> None:
    with pytest.raises(HelmValuesError), Chart.load(CHART) as chart:
        chart.render(changed("default", changes), name="vectors", namespace="onyx-infra")


def test_the_dashboard_and_the_alerts_are_the_files_that_others_read_too() -> None:
    manifests = render(values_of("full"))
    board = only(manifests, "ConfigMap", "-dashboard")
    shown = json.loads(board["data"]["onyx-vector-search.json"])
    assert shown == json.loads((ROOT / "deploy/monitoring/dashboards/onyx-vector-search.json").read_text("utf-8"))
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    rules = only(manifests, "PrometheusRule")["spec"]["groups"]
    kept = yaml.safe_load((ROOT / "deploy/monitoring/alerts/onyx-vector-search.yaml").read_text("utf-8"))["groups"]
    names = [rule["alert"] for group in kept for rule in group["rules"]]
    assert [rule["alert"] for group in rules for rule in group["rules"]] == names
    for group in rules:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"].startswith("https://")


def test_the_readme_is_generated() -> None:
    import chart_readme  # type: ignore[import-not-found]  # noqa: PLC0415  made importable by the next fixture

    assert (CHART / "README.md").read_text(encoding="utf-8") == chart_readme.readme()


@pytest.fixture(autouse=True)
def _chart_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHART.parent))


def test_the_packaged_chart_carries_its_files(tmp_path: Path) -> None:
    with Chart.load(CHART) as chart:
        packaged = chart.save(tmp_path)
    with Chart.load(packaged) as chart:
        files = {file["name"] for file in chart.files}
    assert {"alerts/onyx-vector-search.yaml", "dashboards/onyx-vector-search.json", "files/helm_test.py"} <= files
    assert not any(name.startswith("ci/") for name in files)
