# The worker with the built-in trainer. Build from the top folder:
#   docker build --file docker/worker.Dockerfile .

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
ENV CI=true TURBO_TELEMETRY_DISABLED=1
RUN npm install --global pnpm@12.21.0
WORKDIR /src
# The download depends on the lockfile alone, so that a change of the sources does not repeat it.
COPY pnpm-lock.yaml pnpm-workspace.yaml package.json ./
RUN pnpm fetch
COPY . .
RUN pnpm install --frozen-lockfile --offline
RUN pnpm --filter "@influencerai/worker..." run build
RUN pnpm --filter @influencerai/worker deploy --prod /out/worker

FROM ${NODE_IMAGE} AS worker
# tini reaps what trainers leave behind; a worker looks through /proc itself and needs no further tools.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /out/worker ./
COPY docker/worker-health.js ./health.js
RUN install --directory --owner node --group node /worker
ENV DATASET_ACCESS=fetch WORKER_DIR=/worker
USER node
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["node", "/app/health.js"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
