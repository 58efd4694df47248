# The service in a container: docker run -v crm-sync:/var/lib/crm-sync -v ./config.toml:/etc/crm-sync/config.toml:ro
#   -v ./mappings:/etc/crm-sync/mappings:ro -e ABMATIC_API_KEY … -p 127.0.0.1:8787:8787 crm-sync
# Secrets come from the environment or from mounted files (config.toml: "env:NAME", "file:PATH"), never from the image.
# In config.toml: [state] url = "sqlite:////var/lib/crm-sync/crm-sync.db", [server] listen = "0.0.0.0:8787" and a token.
# See docs/operations.md.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md config.example.toml ./
COPY mappings ./mappings
COPY sync ./sync
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels crm-sync \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/crm-sync
USER 10001:10001
WORKDIR /var/lib/crm-sync
VOLUME /var/lib/crm-sync
ENV CRM_SYNC_CONFIG=/etc/crm-sync/config.toml PYTHONDONTWRITEBYTECODE=1
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8787/healthz', timeout=4)"]
ENTRYPOINT ["crm-sync"]
CMD ["run"]
