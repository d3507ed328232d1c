# The one image: agent, Envoy, operator, CNI plugin and command line.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir 'pip>=25.1' \
    && /opt/venv/bin/pip install --no-cache-dir '.[envoy]'

FROM debian:bookworm-slim
# BCC compiles the kernel programs against the headers of the node, which are mounted.
RUN apt-get update && apt-get install -y --no-install-recommends \
    python3 python3-bpfcc iproute2 util-linux libc-bin \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
RUN ln -s /usr/lib/python3/dist-packages/bcc \
    "$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/bcc"
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT []
CMD ["lockgate", "--help"]
