"""The Dockerfile: lint-free, pinned, and the chart runs what it builds. `make test-image` builds and runs it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from helm_python import Chart

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "onyx-vector-search"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FINAL = re.sub(r"^#.*\n", "", DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :], flags=re.MULTILINE)


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_everything_that_is_installed_is_pinned() -> None:
    [image] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", image)
    installs = re.findall(r"pip (?:--python \S+ )?install ([^\n\\&]+)", DOCKERFILE)
    assert len(installs) == 2
    assert all("--require-hashes" in install or re.search(r"\w==\d", install) for install in installs)


def test_the_final_stage_runs_as_an_ordinary_user_and_installs_nothing() -> None:
    assert "USER 10001:10001" in FINAL
    assert "HEALTHCHECK" in FINAL
    assert "install" not in FINAL
    for label in ("title", "description", "licenses", "version", "revision", "created"):
        assert f"org.opencontainers.image.{label}=" in FINAL


def test_the_build_context_holds_what_is_copied_and_nothing_else(tmp_path: Path) -> None:
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE))
    assert copied == allowed
    for path in copied:  # and it is there
        source = ROOT / path
        shutil.copytree(source, tmp_path / path) if source.is_dir() else shutil.copy(source, tmp_path)


def test_the_chart_runs_the_command_and_the_port_of_the_image() -> None:
    values = yaml.safe_load((CHART / "ci" / "default-values.yaml").read_text(encoding="utf-8"))
    with Chart.load(CHART) as chart:
        text = chart.render(values, name="v", namespace="n")["onyx-vector-search/templates/deployment.yaml"]
    [service] = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    assert f'ENTRYPOINT ["{service["command"][0]}"]' in FINAL
    assert f'CMD ["{service["args"][0]}"]' in FINAL
    assert f"EXPOSE {service['ports'][0]['containerPort']}" in FINAL
    assert "VECTOR_SEARCH_HOST=0.0.0.0" in FINAL
