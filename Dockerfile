# The market maker's image: `serve` unless told otherwise; also migrate, guard, sandbox, replay, version.
# Its steps are run without a container engine by tests/integration/test_image.py, its rules by
# tests/unit/deploy/. Build it from the root of the repository: docker build -t tradex/market-maker .

FROM python:3.11-slim-bookworm AS build
# A mirror of the package index, where one is needed: --build-arg PIP_INDEX_URL=...
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source

# What runs, by hash and as wheels only: no compiler here, and nothing that the lock file does not name.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv --without-pip /opt/market-maker \
    && pip --python /opt/market-maker/bin/python install --require-hashes --only-binary :all: -r requirements/runtime.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/build.txt

# The service itself: a wheel, built without network.
COPY pyproject.toml README.md LICENSE ./
COPY shared/kafka-schema shared/kafka-schema
COPY src src
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && pip --python /opt/market-maker/bin/python install --no-deps --no-index /opt/wheel/*.whl

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 market-maker \
    && useradd --system --no-log-init --uid 10001 --gid 10001 --home-dir /tmp --shell /usr/sbin/nologin market-maker
COPY --from=build /opt/market-maker /opt/market-maker
# Nothing is written: the file system may be read-only, with a tmpfs at /tmp.
ENV PATH="/opt/market-maker/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    HTTP_HOST=0.0.0.0 \
    LOG_FORMAT=json
WORKDIR /tmp
USER 10001:10001
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('HTTP_PORT', '8080') + '/health/live', timeout=2)"]
ENTRYPOINT ["market-maker"]
CMD ["serve"]
