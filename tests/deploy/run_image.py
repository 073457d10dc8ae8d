"""Runs the image as the chart would: same command, variables, probes, user and read-only root.

For those without a container engine: it takes the root file system of the built image (`buildah mount`), mounts
it read-only, and runs in it, as the user of the rendered Deployment, first the command of the migration Job and
then that of the Deployment. Needs root and a PostgreSQL with pgvector; `make test-image` says how.

    python tests/deploy/run_image.py ROOT postgresql://user:password@host:port/database
"""

import base64
import json
import os
import shutil
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
KEY = "key of the image test"
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"  # the image's PATH is another

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
        "auth": {
            "postgresql": {"values": {"username": parts.username, "password": parts.password or "none"}},
            "apiKeys": {"values": {"keys": json.dumps([KEY])}},
        },
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
            ["-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", f"{folder}/tmp"],  # noqa: S108  the container's own
        ]
        try:
            for mount in mounts:
                subprocess.run(["mount", *mount], check=True)
            yield Path(folder)
        finally:
            for place in ("tmp", "dev", "proc", ""):
                subprocess.run(["umount", "-l", f"{folder}/{place}"], check=False, stderr=subprocess.DEVNULL)


def command(pod: Manifest, manifests: list[Manifest], root: Path) -> tuple[list[str], dict[str, str]]:
    """Return what runs a pod's container in the mounted image, and its environment."""
    [container] = pod["containers"]
    context = pod["securityContext"]
    if not container["securityContext"]["readOnlyRootFilesystem"]:
        raise SystemExit("the pod does not ask for a read-only root")
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    inside = [CHROOT, f"--userspec={user}", "--groups=", str(root)]
    return [*inside, *container["command"], *container["args"]], image_environment() | environment(container, manifests)


def image_environment() -> dict[str, str]:
    """Return the variables that the Dockerfile sets in its last stage."""
    final = (ROOT / "Dockerfile").read_text(encoding="utf-8").rsplit("\nFROM ", 1)[1]
    block = final.split("\nENV ", 1)[1].split("\nWORKDIR", 1)[0]
    return dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())


def ask(url: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Ask the service."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})  # noqa: S310  our own service
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


def healthcheck() -> list[str]:
    """Return the HEALTHCHECK of the Dockerfile."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    command: list[str] = json.loads(dockerfile.split("HEALTHCHECK", 1)[1].split("CMD ", 1)[1].splitlines()[0])
    return command


def _output(command: list[str], **variables: str) -> str:
    done = subprocess.run(command, env=image_environment() | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[-1]}: {done.stderr}{done.stdout}")
    return done.stdout.strip()


def migrate_twice(job: Manifest, manifests: list[Manifest], root: Path) -> None:
    """Run the Job, and run it again."""
    for _ in range(2):
        run, variables = command(job, manifests, root)
        print("migrate:", _output(run, **variables))


def serve(pod: Manifest, manifests: list[Manifest], root: Path, inside: list[str]) -> None:
    """Run the Deployment's container through its life: probes, requests, health check, helm test, end."""
    run, variables = command(pod, manifests, root)
    [container] = pod["containers"]
    url = f"http://127.0.0.1:{variables['PORT']}"
    process = subprocess.Popen(run, env=variables)
    try:
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            seconds = wait_for(container[name], url, process)
            print(f"{name}: {container[name]['httpGet']['path']} passed after {seconds:.2f} s")
        answer = exercise(url)
        print(f"search: {answer['strategy']}, {answer['took_ms']} ms")
        _output([*inside, *healthcheck()], **variables)
        print("HEALTHCHECK passed")
        test = [*inside, "/opt/venv/bin/python", "-c", (CHART / "files" / "helm_test.py").read_text("utf-8")]
        print("helm test:", _output(test, SERVICE_URL=url).splitlines()[-1])
        print(_output([*inside, "/opt/venv/bin/vector-search", "doctor"], **variables))
    finally:
        sleep, *_ = container["lifecycle"]["preStop"]["exec"]["command"]
        _output([*inside, sleep, "0"], **variables)  # the command is there
        process.terminate()
        code = process.wait(timeout=pod["terminationGracePeriodSeconds"])
    print(f"stopped with {code}")
    if code not in {0, -15}:
        raise SystemExit(code)


def main(root: str, dsn: str) -> None:
    """Migrate, serve, stop, all inside the image."""
    manifests = rendered(dsn)
    pods = {m["kind"]: m["spec"]["template"]["spec"] for m in manifests if m["kind"] in {"Job", "Deployment"}}
    with read_only(Path(root)) as mounted:
        inside = [CHROOT, "--userspec=10001:10001", "--groups=", str(mounted)]
        print("user inside:", _output([*inside, "/usr/bin/id", "-u"]))
        if subprocess.run([*inside, "/usr/bin/touch", "/srv/x"], capture_output=True, check=False).returncode == 0:
            raise SystemExit("the root file system can be written")
        migrate_twice(pods["Job"], manifests, mounted)
        serve(pods["Deployment"], manifests, mounted, inside)


if __name__ == "__main__":
    if os.geteuid() != 0:
        raise SystemExit("run as root: it mounts, and changes the user")
    main(*sys.argv[1:3])
