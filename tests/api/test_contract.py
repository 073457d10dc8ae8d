"""What is shown is what is meant: answers against their schemas, tables in docs/ against the code."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import httpx
import jsonschema
import openapi_spec_validator
import prometheus_client
import pytest
from fastapi import FastAPI
from prometheus_client.metrics import MetricWrapperBase

from app.api.documents import NDJSON
from app.api.problems import HTTP_PROBLEMS, MEDIA_TYPE, PROBLEMS
from app.domain import errors
from app.domain.errors import ConfigurationError, DependencyError, ServiceError
from app.main import create_app
from app.observability import metrics
from app.settings import Settings
from tests.api.calls import FAR, NEAR, Json, chunk, document
from tests.conftest import ROOT, make_settings, running

UPLOAD = "0b0e7b8e-5d0e-4a4e-9d0a-000000000001"
CALLS: list[tuple[str, str, str, Json | bytes | None]] = [
    ("PUT", "/indexes/{name}", "/indexes/m", {"embedding_dimension": 8}),
    ("PUT", "/indexes/{name}", "/indexes/m", {"embedding_dimension": 8}),
    ("GET", "/indexes", "/indexes", None),
    ("GET", "/indexes/{name}", "/indexes/m", None),
    (
        "POST", "/documents", "/documents",
        {"documents": [
            document("a", title="T", metadata={"k": ["v"], "n": 1, "x": {"y": None}}, title_embedding=FAR),
            document("b", chunks=3, created_at="2024-01-01T00:00:00Z", primary_owners=["Ann"], source_type="web"),
            {"id": "c", "content": "plain text", "embedding": NEAR},
        ]},
    ),
    (
        "POST", "/documents/bulk", "/documents/bulk",
        b'{"id": "d", "content": "plain text", "embedding": [1, 0, 0, 0, 0, 0, 0, 0]}\n{"id": "d"}',
    ),
    ("PATCH", "/documents", "/documents", {"updates": [{"document_ids": ["a", "none"], "boost": 2}]}),
    ("GET", "/documents", "/documents?limit=2", None),
    ("GET", "/documents", "/documents?chunks=true&embeddings=true", None),
    ("GET", "/documents/{document_id}", "/documents/a?embeddings=true", None),
    ("GET", "/documents/{document_id}", "/documents/c?chunks=false", None),
    ("POST", "/chunks/retrieve", "/chunks/retrieve", {"sections": [{"document_id": "b", "min_chunk_index": 1}]}),
    ("POST", "/chunks/scan", "/chunks/scan", {"document_ids": ["a", "b"], "limit": 2, "include_embeddings": True}),
    ("POST", "/chunks/scan", "/chunks/scan", {"document_ids": ["none"]}),
    ("POST", "/search", "/search", {"embedding": [1, 0, 0, 0, 0, 0, 0, 0], "mode": "semantic", "explain": True}),
    ("POST", "/search/recall", "/search/recall", {"queries": 2}),
    ("POST", "/search", "/search", {"embedding": NEAR}),
    ("POST", "/search", "/search", {"embedding": NEAR, "query": "plain text", "mode": "hybrid", "explain": True}),
    ("POST", "/search", "/search", {"query": "plain text", "mode": "keyword"}),
    ("POST", "/search", "/search", {"mode": "random"}),
    ("POST", "/access/explain", "/access/explain", {"document_id": "a", "access_control_list": []}),
    ("POST", "/access/explain", "/access/explain", {"document_id": "none", "access_control_list": None}),
    ("POST", "/tokens", "/tokens", {"index": "m", "access_control_list": []}),
    ("PUT", "/uploads/{upload_id}/parts/{part}", f"/uploads/{UPLOAD}/parts/0", {"chunks": [chunk(0)]}),
    ("POST", "/uploads/{upload_id}/commit", f"/uploads/{UPLOAD}/commit", {"document": {"id": "u"}, "parts": 1}),
    ("DELETE", "/uploads/{upload_id}", f"/uploads/{UPLOAD}", None),
    ("DELETE", "/documents/{document_id}", "/documents/a", None),
    ("POST", "/documents/delete", "/documents/delete", {"document_ids": ["b", "none"]}),
    ("DELETE", "/indexes/{name}/documents", "/indexes/documents/documents", None),
    ("DELETE", "/indexes/{name}", "/indexes/m", None),
    ("GET", "/health", "/health", None),
    ("GET", "/health/ready", "/health/ready", None),
    ("GET", "/metrics", "/metrics", None),
    ("GET", "/indexes/{name}", "/indexes/none", None),
    ("GET", "/documents", "/documents?limit=0", None),
    ("GET", "/documents", "/documents?cursor=x", None),
    ("POST", "/search", "/search", {"embedding": [1]}),
    ("POST", "/search", "/search", {"unknown": 1}),
    ("PUT", "/indexes/{name}", "/indexes/documents", {"embedding_dimension": 9}),
    ("POST", "/uploads/{upload_id}/commit", f"/uploads/{UPLOAD[:-1]}2/commit", {"document": {"id": "u"}, "parts": 1}),
]  # fmt: skip


def app_of(dsn: str = "postgresql://nobody@127.0.0.1:9/none") -> FastAPI:
    return create_app(make_settings(dsn))


TOKENS = ("a secret of thirty-two characters",)


def closed(schema: Any) -> Any:  # noqa: ANN401  JSON
    """Refuse fields that the schema does not name, in every object that names some."""
    shut = {name: closed(value) if isinstance(value, dict) else value for name, value in schema.items()}
    if "properties" in shut:
        shut.setdefault("additionalProperties", False)
    for name in ("anyOf", "allOf", "oneOf"):
        if name in shut:
            shut[name] = [closed(each) for each in shut[name]]
    return shut


async def test_every_answer_conforms_to_its_schema(dsn: str) -> None:
    async with running(make_settings(dsn, token_secrets=TOKENS)) as client:
        await every_answer_conforms_to_its_schema(client)


async def every_answer_conforms_to_its_schema(client: httpx.AsyncClient) -> None:
    document_ = app_of().openapi()
    components = {"components": closed(document_["components"])}
    answered = set()
    for method, template, path, body in CALLS:
        stream = isinstance(body, bytes)
        answer = await client.request(
            method, path, **({"content": body, "headers": {"content-type": NDJSON}} if stream else {"json": body})
        )
        described = document_["paths"][template][method.lower()]["responses"]
        assert str(answer.status_code) in described, (method, path, answer.status_code, answer.text)
        content = described[str(answer.status_code)].get("content", {})
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code == 204:
            assert answer.content == b""
        elif media_type == "text/plain":
            assert media_type in content
        else:
            schema = content[media_type]["schema"]
            for line in answer.content.splitlines() if stream else [answer.content]:
                jsonschema.Draft202012Validator(components | schema).validate(json.loads(line))
        if answer.is_success:
            answered.add((method.lower(), template))
    every = {(method, path) for path, methods in document_["paths"].items() for method in methods}
    assert answered == every


def test_the_openapi_document_is_valid() -> None:
    shown = app_of().openapi()
    assert shown["openapi"].startswith("3.1")
    openapi_spec_validator.validate(shown)
    for path, methods in shown["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == [MEDIA_TYPE]


def test_bodies_in_openapi_are_those_that_are_read() -> None:
    shown = app_of().openapi()
    for path, methods in shown["paths"].items():
        for method, operation in methods.items():
            reads = method in {"post", "put", "patch"}
            assert ("requestBody" in operation) == reads, (method, path)
            if reads:
                ((media_type, described),) = operation["requestBody"]["content"].items()
                if media_type == NDJSON:  # its lines are documents, but it is none
                    continue
                reference = described["schema"]["$ref"]
                body = shown["components"]["schemas"][reference.rpartition("/")[2]]
                assert body["additionalProperties"] is False


def subclasses(kind: type[ServiceError]) -> set[type[ServiceError]]:
    return {each for direct in kind.__subclasses__() for each in {direct, *subclasses(direct)}}


def test_every_error_has_a_status_and_a_code_of_its_own() -> None:
    known = {each for each in subclasses(ServiceError) if each.__module__ == errors.__name__}
    own = {each for each in known if "code" in vars(each)}  # the others are told as what they derive from
    raised = own - {DependencyError, ConfigurationError}  # a root, and one that keeps the service from starting
    assert set(PROBLEMS) == raised
    assert all(set(each.__mro__) & set(PROBLEMS) for each in known - own)
    codes = [kind.code for kind in PROBLEMS] + [code for code, _ in HTTP_PROBLEMS.values()]
    assert len(set(codes)) == len(codes)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, cells stripped."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", maxsplit=1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_problem_is_explained() -> None:
    text = page("problems.md")
    statuses = {kind.code: status for kind, (status, _) in PROBLEMS.items()}
    statuses |= {code: status for status, (code, _) in HTTP_PROBLEMS.items()}
    sections = re.findall(r"^### (\w+)\n\n\*\*(\d+)\*\* ", text, re.MULTILINE)
    assert {code: int(status) for code, status in sections} == statuses
    assert len(sections) == len(statuses)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = {row[0].strip("`"): row[1] for row in table(page("settings.md"), "All settings")}
    fields = Settings.model_fields
    assert list(rows) == [str(field.validation_alias) for field in fields.values()]
    for field in fields.values():
        default = field.default
        if hasattr(default, "get_secret_value"):
            default = default.get_secret_value()
        name = str(field.validation_alias)
        if name == "VECTOR_SEARCH_SEARCH_CONNECTIONS":
            assert rows[name] == "two per core, at least 4"
        else:
            shown = json.dumps(default) if isinstance(default, tuple) else default
            assert rows[name] == ("" if default in {None, "", ()} else f"`{shown}`"), name


def test_every_setting_says_what_it_takes() -> None:
    rows = {row[0].strip("`"): row[2] for row in table(page("settings.md"), "All settings")}
    for field in Settings.model_fields.values():
        assert str(field.description).rstrip(".") in rows[str(field.validation_alias)].replace("`", "")
        choices = get_args(field.annotation)
        if all(isinstance(choice, str) for choice in choices):
            assert all(choice in rows[str(field.validation_alias)] for choice in choices)


def own_metrics() -> dict[str, Any]:
    kinds = [getattr(metrics, name) for name in dir(metrics)]
    return {each._name: each for each in kinds if isinstance(each, MetricWrapperBase)}


def test_every_metric_is_documented_with_its_labels() -> None:
    rows = {row[0].strip("`"): row for row in table(page("operations.md"), "Metrics")}
    found = {}
    for name, metric in own_metrics().items():
        shown = f"{name}_total" if isinstance(metric, prometheus_client.Counter) else name
        found[shown] = ", ".join(f"`{label}`" for label in metric._labelnames)
    assert {name: row[1] for name, row in rows.items()} == found
    assert all(len(row) == 4 and row[2] and row[3] for row in rows.values())


LOGGED = re.compile(r"log\.(?:debug|info|warning|error|exception)\(\s*\"(\w+)\"|level\(\s*\"(\w+)\"")


def test_every_log_event_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(ROOT / "app").rglob("*.py")]
    events = {first or second for text in sources for first, second in LOGGED.findall(text)}
    rows = {row[0].strip("`") for row in table(page("operations.md"), "Log events")}
    assert rows == events


@pytest.mark.parametrize("name", ["docs", "redoc"])
async def test_pages_need_nothing_from_elsewhere(client: httpx.AsyncClient, name: str) -> None:
    shown = await client.get(f"/{name}")
    assert (shown.status_code, shown.headers["content-type"].partition(";")[0]) == (200, "text/html")
    policy = shown.headers["content-security-policy"]
    assert "default-src 'self'" in policy  # ReDoc's bundle itself has a logo elsewhere
    assert "http" not in policy
    assert not re.findall(r"https?://|//[a-z]", shown.text.replace("http://www.w3.org", ""))
    places = re.findall(r"(?:src|href|spec-url)=[\"']([^\"']+)[\"']|url: '([^']+)'", shown.text)
    paths = {first or second for first, second in places}
    assert "/openapi.json" in paths
    assert len(paths) >= 3
    for path in paths:
        assert (await client.get(path)).status_code == 200, path


async def test_the_root_leads_to_the_pages(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")
    doors = re.findall(r'<a href="([^"]+)"', answer.text)
    assert {"console", "docs"} <= set(doors)
    for door in doors:
        assert (await client.get(f"/{door}")).status_code == 200, door
