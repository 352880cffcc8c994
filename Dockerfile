# syntax=docker/dockerfile:1

# The version of the release. The build cannot read the tag.
ARG VERSION=0.0.0

# Build the browser pages, with the package versions that web/package-lock.json pins.
FROM node:22-bookworm-slim AS pages
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
# Do not run the packages' own scripts: the build does not need them.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY web ./
RUN npm run build


# The version of uv that wrote uv.lock, or a later one of the same minor version.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv


FROM python:3.11-slim-bookworm AS build
COPY --from=uv /uv /usr/local/bin/uv
# Copy packages, because the cache is on another file system than the image. Use the image's Python, not one from uv.
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/waybill
WORKDIR /src
# Install the dependencies first, in a layer that does not change with Waybill's code.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    uv sync --locked --no-dev --no-group stack --extra otel --no-editable --compile-bytecode --no-install-project
COPY . .
ARG VERSION
# Reinstall Waybill, because uv may use a cached wheel if pyproject.toml has not changed.
RUN --mount=type=cache,target=/root/.cache/uv \
    SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION" \
    uv sync --locked --no-dev --no-group stack --extra otel --no-editable --compile-bytecode --reinstall-package waybill
# Copy the built pages, and the few published files that Waybill serves, out of about 280 MB of packages. The application
# defines which files these are and where it reads them.
RUN --mount=type=bind,from=pages,source=/web,target=/web \
    /opt/waybill/bin/python <<EOF
from pathlib import Path
from shutil import copyfile, copytree

from api.pages.assets import ASSETS, NODE_MODULES
from api.pages.build import DIST

copytree("/web/dist", DIST)
for asset in ASSETS:
    target = NODE_MODULES / asset.package / asset.file
    target.parent.mkdir(parents=True, exist_ok=True)
    copyfile(Path("/web/node_modules", asset.package, asset.file), target)
EOF


# Use the same Python as above, because the environment refers to its interpreter.
FROM python:3.11-slim-bookworm
ARG VERSION
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Waybill" \
      org.opencontainers.image.description="The paperwork of file uploads: metadata, presigned URLs and background verification." \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
RUN groupadd --gid 10001 waybill \
    && useradd --uid 10001 --gid waybill --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin waybill
COPY --from=build /opt/waybill /opt/waybill
ENV PATH=/opt/waybill/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that a platform that forbids root can see that this user is not root.
USER 10001:10001
WORKDIR /
EXPOSE 8000
# No health check here: API, workers and one-shot commands run from this image, and each needs a different check.
ENTRYPOINT ["waybill"]
CMD ["api", "--host", "0.0.0.0"]
