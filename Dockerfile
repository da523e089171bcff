# The one image of all processes: docker build --tag latchkey .
#
# Both base images may be others that are made of Debian 12, the first with a Swift 6.3 toolchain in PATH.
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
RUN apt-get -q update \
  && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
    libcurl4-openssl-dev libjansson-dev libnghttp2-dev libpq-dev libprotobuf-c-dev libsodium-dev libssl-dev \
    libuv1-dev pkg-config \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# One executable, with the Swift runtime in it; links to it are the programs. And one that needs nothing of the image, to be
# copied to machines without a network.
RUN Scripts/build latchkey-combined latchkey-verify \
  && install -D --strip .build/release/latchkey-combined /image/usr/local/bin/latchkey \
  && install .build/release/latchkey-verify /image/usr/local/bin/ \
  && for service in gateway keys licenses signing webhooks; do \
    ln -s latchkey "/image/usr/local/bin/latchkey-$service" || exit 1; \
  done

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Latchkey" \
  org.opencontainers.image.description="A self-hosted licensing platform for software vendors"
RUN apt-get -q update \
  && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
    ca-certificates libcurl4 libjansson4 libnghttp2-14 libpq5 libprotobuf-c1 libsodium23 libssl3 libstdc++6 \
    libuv1 \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
  && groupadd --gid 10001 latchkey \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin latchkey \
# Where volumes are mounted: a new one takes owner and rights from here. First as whoever sets them up sees them, then as
# the one process does that each is for.
  && for folder in \
    lib/latchkey/secrets/database lib/latchkey/secrets/postgres lib/latchkey/secrets/keys \
    lib/latchkey/secrets/signing lib/latchkey/secrets/licenses lib/latchkey/secrets/webhooks \
    lib/latchkey/secrets/operator \
    lib/latchkey/certificates/authorities lib/latchkey/certificates/postgres lib/latchkey/certificates/keys \
    lib/latchkey/certificates/signing lib/latchkey/certificates/licenses lib/latchkey/certificates/webhooks \
    lib/latchkey/certificates/gateway lib/latchkey/certificates/operator; \
  do install -d -o 10001 -g 10001 -m 0700 "/var/$folder" || exit 1; done \
  && install -d -o 10001 -g 10001 -m 0700 /run/latchkey/secrets /run/latchkey/certificates
COPY --from=build /image /
# As `latchkey up` starts services: few freed blocks are kept a thread by default, which costs calls their time.
ENV GLIBC_TUNABLES=glibc.malloc.tcache_count=4096:glibc.malloc.trim_threshold=8388608:glibc.malloc.mmap_threshold=4194304 \
    TZ=UTC LANG=C.UTF-8
USER 10001:10001
STOPSIGNAL SIGTERM
# Of whichever service runs here: it asks at LATCHKEY_METRICS_LISTEN.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["latchkey-gateway", "ready"]
CMD ["latchkey", "--help"]
