# The API, and the one-shot that migrates its database. Build from the top folder:
#   docker build --file docker/api.Dockerfile --target api .

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
RUN pnpm --filter "@influencerai/api..." --filter "@influencerai/local..." run build
RUN pnpm --filter @influencerai/api deploy --prod /out/api \
  && pnpm --filter @influencerai/local deploy --prod --no-optional /out/migrate \
  && cp -r prisma /out/migrate/
# Prisma brings its query compiler for every kind of database, and packages bring maps of their sources.
RUN find /out -path '*/@prisma/client/runtime/*' -regextype posix-extended \
    -regex '.*(mysql|sqlite|sqlserver|cockroachdb).*' -delete \
  && find /out/*/node_modules -name '*.map' -type f -not -path '*/@influencerai/*' -delete

FROM ${NODE_IMAGE} AS runtime
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
ENTRYPOINT ["/usr/bin/tini", "--"]

FROM runtime AS migrate
WORKDIR /app
COPY --from=build /out/migrate ./
USER node
CMD ["node", "dist/cli.js", "migrate", "apply"]

FROM runtime AS api
WORKDIR /app
COPY --from=build /out/api ./
COPY docker/api-health.js ./health.js
# A named volume that is mounted here for the first time begins with the bundled dataset.
RUN install --directory --owner node --group node /data
# The same for the bucket of the profile s3 in docker-compose.yml.
RUN install --directory --owner node --group node /bucket /bucket/data /bucket/data/influencerai /bucket/meta
COPY --chown=node:node data/datasets /data/datasets
ENV HOST=0.0.0.0 PORT=3001 DATA_ROOT=/data
USER node
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "/app/health.js"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
