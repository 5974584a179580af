# Makes indexes. Build from the top folder:
#   docker build --file docker/trainers/retrieval.Dockerfile --tag influencerai-trainer-retrieval .

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
ENV CI=true TURBO_TELEMETRY_DISABLED=1
RUN npm install --global pnpm@12.21.0
WORKDIR /src
# The download depends on the lockfile alone, so that a change of the sources does not repeat it.
COPY pnpm-lock.yaml pnpm-workspace.yaml package.json ./
RUN pnpm fetch
COPY . .
RUN pnpm install --frozen-lockfile --offline \
  && pnpm --filter "@influencerai/retrieval..." run build \
  && pnpm --filter @influencerai/retrieval deploy --prod /opt/trainer

FROM ${NODE_IMAGE}
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/trainer /opt/trainer
LABEL org.opencontainers.image.version=0.1.0
# The worker names another user; without it, still not root.
USER 65534:65534
# The whole group gets a signal, and what a trainer leaves behind is reaped.
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["node", "/opt/trainer/dist/main.js", "--help"]
