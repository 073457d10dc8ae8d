"""Runs the image as the chart would: same command, variables, probes, user and read-only root.

For those without a container engine: it takes the root file system of the built image (`buildah mount`), mounts
it read-only, and runs in it, as the user of the rendered Deployment, first the command of the migration Job and
then that of the Deployment. Needs root and a PostgreSQL with pgvector; `make test-image` says how.

    python tests/deploy/run_image.py ROOT postgresql://user:password@host:port/database
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from helm_python import Chart

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "onyx-vector-search"
DIMENSION = 384

Manifest = dict[str, Any]


def rendered(dsn: str) -> list[Manifest]:
    """Render the chart for a database."""
    parts = urlsplit(dsn)
    values = {
        "configMap": {
            "VECTOR_DB_HOST": parts.hostname,
            "VECTOR_DB_PORT": str(parts.port),
            "VECTOR_DB_NAME": parts.path[1:],
            "VECTOR_DB_EMBEDDING_DIMENSION": str(DIMENSION),
        },
        "auth": {"postgresql": {"values": {"username": parts.username, "password": parts.password or "none"}}},
    }
    with Chart.load(CHART) as chart:
        texts = chart.render(values, name="vectors", namespace="onyx-infra").values()
    return [manifest for text in texts if ":" in text for manifest in _manifests(text)]


def _manifests(text: str) -> Iterator[Manifest]:
    try:
        yield from (found for found in yaml.safe_load_all(text) if isinstance(found, dict) and "kind" in found)
    except yaml.YAMLError:  # NOTES.txt
        return


def environment(container: Manifest, manifests: list[Manifest]) -> dict[str, str]:
    """Resolve the variables of a container from the ConfigMaps and Secrets beside it."""
    by_name = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= by_name["ConfigMap", source["configMapRef"]["name"]]["data"]
    for item in container.get("env", []):
        if "value" in item:
            found[item["name"]] = item["value"]
        else:
            reference = item["valueFrom"]["secretKeyRef"]
            data = by_name["Secret", reference["name"]]["data"]
            found[item["name"]] = base64.b64decode(data[reference["key"]]).decode()
    return found


@contextmanager
def read_only(image: Path) -> Iterator[Path]:
    """Mount a root file system read-only, with /proc, /dev and a /tmp as a container has."""
    with tempfile.TemporaryDirectory() as folder:
        mounts = [
            ["--bind", str(image), folder],
            ["-o", "remount,bind,ro", folder],
            ["-t", "proc", "proc", f"{folder}/proc"],
            ["--bind", "/dev", f"{folder}/dev"],
            ["-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", f"{folder}/tmp"],
        ]
        try:
            for mount in mounts:
                subprocess.run(["mount", *mount], check=True)
            yield Path(folder)
        finally:
            for place in ("tmp", "dev", "proc", ""):
                subprocess.run(["umount", "-l", f"{folder}/{place}"], check=False, stderr=subprocess.DEVNULL)


def command(
    pod: Manifest, manifests: list[Manifest], root: Path, image: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return what runs a pod's container in the mounted image, and its environment."""
    [container] = pod["containers"]
    context = pod["securityContext"]
    if not container["securityContext"]["readOnlyRootFilesystem"]:
        raise SystemExit("the Deployment does not ask for a read-only root")
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    inside = ["chroot", f"--userspec={user}", "--groups=", str(root)]
    return [*inside, *container["command"], *container["args"]], image | environment(container, manifests)


def ask(url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Ask the service."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  our own service
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, {}


def wait_for(probe: Manifest, url: str, process: "subprocess.Popen[bytes]") -> float:
    """Ask as the kubelet would until a probe passes; return the seconds it took."""
    started = time.monotonic()
    for _ in range(probe["failureThreshold"]):
        status, _ = ask(url + probe["httpGet"]["path"])
        if status == 200:
            return time.monotonic() - started
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode}")
        time.sleep(probe["periodSeconds"] / 4)
    raise SystemExit(f"{probe['httpGet']['path']} never passed")


def exercise(url: str) -> dict[str, Any]:
    """Index a document and find it."""
    vector = [1.0, *[0.0] * (DIMENSION - 1)]
    document = {"id": "it's/a test", "title": "Test", "content": "A document of the image test.", "embedding": vector}
    status, answer = ask(f"{url}/documents", {"documents": [document]})
    if status != 200:
        raise SystemExit(f"indexing: {status} {answer}")
    status, answer = ask(f"{url}/search", {"embedding": vector, "mode": "semantic", "limit": 1})
    if status != 200 or answer["hits"][0]["document_id"] != document["id"]:
        raise SystemExit(f"searching: {status} {answer}")
    return answer


def main(root: str, dsn: str) -> None:
    """Migrate twice, serve, probe, search, stop."""
    manifests = rendered(dsn)
    [job] = [m for m in manifests if m["kind"] == "Job"]
    [deployment] = [m for m in manifests if m["kind"] == "Deployment"]
    pods = {m["kind"]: m["spec"]["template"]["spec"] for m in (job, deployment)}
    image = {
        "PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "VECTOR_SEARCH_HOST": "0.0.0.0",  # noqa: S104  as the image says
    }
    with read_only(Path(root)) as mounted:
        probe = [
            "chroot",
            "--userspec=10001:10001",
            str(mounted),
            "/bin/sh",
            "-c",
            "id -u; touch /srv/x; touch /tmp/x && echo tmp",
        ]
        print("inside:", " ".join(subprocess.run(probe, capture_output=True, text=True, check=True).stdout.split()))
        for _ in range(2):
            run, variables = command(pods["Job"], manifests, mounted, image)
            done = subprocess.run(run, env=variables, check=True, capture_output=True, text=True)
            print("migrate:", done.stdout.strip())
        run, variables = command(pods["Deployment"], manifests, mounted, image)
        [container] = pods["Deployment"]["containers"]
        url = f"http://127.0.0.1:{variables['PORT']}"
        process = subprocess.Popen(run, env=variables)
        try:
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                print(
                    f"{name}: {container[name]['httpGet']['path']} passed after {wait_for(container[name], url, process):.2f} s"
                )
            answer = exercise(url)
            print(f"search: {answer['strategy']}, {answer['took_ms']} ms")
            health = [mounted / "opt/venv/bin/python"]
            _ = health
        finally:
            stop = container["lifecycle"]["preStop"]["exec"]["command"]
            subprocess.run(["chroot", str(mounted), stop[0], "0"], check=True)  # the command is there
            process.terminate()
            code = process.wait(timeout=pods["Deployment"]["terminationGracePeriodSeconds"])
        print(f"stopped with {code}")
        if code not in {0, -15}:
            raise SystemExit(code)


if __name__ == "__main__":
    if os.geteuid() != 0:
        raise SystemExit("run as root: it mounts, and changes the user")
    main(*sys.argv[1:3])
