# The gateway's image, and with --target tencent-sim that of the simulator. Needs nothing of BuildKit.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

# The dependencies alone, with empty programs: this layer is built again only when Cargo.lock changes.
FROM ${RUST_IMAGE} AS dependencies
WORKDIR /build
ENV SQLX_OFFLINE=true
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin tests/it benches/lists benches/batches \
 && for program in src/main.rs src/bin/modgate-dev.rs src/bin/tencent-sim.rs tests/it/main.rs \
      benches/seals.rs benches/clicks.rs benches/ready.rs benches/lists/main.rs benches/batches/main.rs; do \
      echo 'fn main() {}' >"$program"; \
    done \
 && touch src/lib.rs \
 && cargo build --release --locked --bin modgate --bin tencent-sim

FROM dependencies AS build
COPY . .
# The sources may be older than the empty programs, which cargo would then take for the current ones.
RUN find src -name '*.rs' -exec touch {} + \
 && cargo build --release --locked --bin modgate --bin tencent-sim

FROM ${DEBIAN_IMAGE} AS runtime
LABEL org.opencontainers.image.licenses="Apache-2.0"
# The gateway verifies Tencent's certificate with those of the system.
RUN [ -s /etc/ssl/certs/ca-certificates.crt ] \
 || { apt-get update \
   && apt-get install -y --no-install-recommends ca-certificates \
   && rm -rf /var/lib/apt/lists/*; }
USER 10001:10001

FROM runtime AS tencent-sim
LABEL org.opencontainers.image.title="tencent-sim" \
      org.opencontainers.image.description="A stand-in for Tencent Chat's REST API, for tests and development."
COPY --from=build /build/target/release/tencent-sim /usr/local/bin/
EXPOSE 7000 7001
ENTRYPOINT ["tencent-sim", "--listen", "0.0.0.0:7000", "--control-listen", "0.0.0.0:7001"]

FROM runtime AS modgate
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modgate" \
      org.opencontainers.image.description="A gateway between moderation dashboards and Tencent Chat: authorised, paced, recorded." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/target/release/modgate /usr/local/bin/
ENV MODGATE_LISTEN=0.0.0.0:8080 MODGATE_OPS_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["modgate", "healthcheck"]
ENTRYPOINT ["modgate"]
CMD ["serve"]
