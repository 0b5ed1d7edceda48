# Dockwarden's image. Node's current LTS line; any image with Node 20.19 or later, npm and apt will do.
ARG NODE_IMAGE=node:24-bookworm-slim

# All packages. The compiler is for better-sqlite3, which is built here where no binary fits.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM packages AS build
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

# What runs in production: of better-sqlite3 the addon alone, without its sources and object files.
FROM packages AS production
RUN npm prune --omit=dev --no-audit --no-fund \
 && cd node_modules/better-sqlite3 \
 && cp build/Release/better_sqlite3.node /tmp \
 && rm -rf build deps src \
 && mkdir -p build/Release \
 && mv /tmp/better_sqlite3.node build/Release

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Dockwarden" \
      org.opencontainers.image.description="Token authorization server for container registries" \
      org.opencontainers.image.licenses="Apache-2.0"

# A new named volume takes its owner and mode from the folder that it is first mounted on, and every
# later program finds it as that one needs it. /registry is the registry's storage, which has a folder
# named `docker`: a volume that is not empty keeps its owner when the registry mounts it in its turn.
RUN install --directory --owner node --group node --mode 0700 \
      /var/lib/dockwarden /var/lib/dockwarden/data /var/lib/dockwarden/keys \
 && install --directory --owner node --group node /trust /tls /registry /registry/docker

WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY package.json ./
COPY migrations migrations
COPY --from=build /app/dist dist
COPY deploy/dockwarden /etc/dockwarden

# UV_THREADPOOL_SIZE: the threads that sign. One keeps up with the event loop, a second is for name
# look-ups; Node's own four wake each other up, for a tenth more CPU per token (bench/README.md).
# MALLOC_ARENA_MAX: each thread that loads a configuration or checks passwords would leave an arena of
# glibc behind. With 128 MB, a flood of logins and two reloads a second of 1,000 rules, 0 of 8 runs were
# killed with it and 2 of 11 without; it costs no CPU that can be measured.
ENV NODE_ENV=production DOCKWARDEN_CONFIG=/etc/dockwarden/dockwarden.yml UV_THREADPOOL_SIZE=2 MALLOC_ARENA_MAX=1
USER node
EXPOSE 5001
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "require('http').get('http://127.0.0.1:5001/readyz', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve"]
