# syntax=docker/dockerfile:1
# Two images. The one that serves, which has neither TF.js nor DuckDB:
#   docker build -t pointsman .
#   docker run -p 127.0.0.1:8800:8800 -v ./models:/models:ro pointsman serve /models/support --host 0.0.0.0
# And the one that learns:
#   docker build -t pointsman-trainer --target trainer .
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY src/package.json src/
COPY training/package.json training/
COPY gateway/package.json gateway/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build \
 && mkdir /packages \
 && npm pack --workspaces --ignore-scripts --pack-destination /packages

FROM ${NODE_IMAGE} AS trainer
COPY --from=packages /packages /packages
RUN npm install --prefix /opt/pointsman --omit=dev --no-audit --no-fund \
      /packages/*.tgz pg@8 bullmq@6 ioredis@6 @aws-sdk/client-s3@3 \
 && rm -r /packages \
 && mkdir /shards && chown node:node /shards
ENV PATH=/opt/pointsman/node_modules/.bin:$PATH NODE_ENV=production
USER node
WORKDIR /home/node
ENTRYPOINT ["pointsman"]
CMD ["--help"]

FROM ${NODE_IMAGE} AS gateway
COPY --from=packages /packages /packages
RUN npm install --prefix /opt/pointsman --omit=dev --no-audit --no-fund \
      /packages/pointsman-[0-9]*.tgz /packages/pointsman-gateway-*.tgz pg@8 \
 && rm -r /packages \
 && mkdir /data && chown node:node /data
ENV PATH=/opt/pointsman/node_modules/.bin:$PATH NODE_ENV=production
USER node
WORKDIR /home/node
EXPOSE 8800
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8800/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["pointsman"]
CMD ["serve", "--config", "/config/gateway.yaml", "--host", "0.0.0.0"]
