# Images of Karat: `karat` (daemons, page, command line) and `anvil` (a development chain).
# docs/containers.md says how to use them.

FROM python:3.11.14-slim-bookworm AS build
# torch's own index has builds without CUDA, which are a twentieth of the size. For GPUs:
# --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/karat
ENV PATH=/opt/karat/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
RUN pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt)"
COPY pyproject.toml README.md LICENSE ./
COPY chain chain
COPY karat karat
COPY learning learning
COPY reputation reputation
RUN pip install --constraint constraints.txt '.[plot,web]'

FROM node:20.19.6-bookworm-slim AS npm
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm install --omit=dev --ignore-scripts --no-audit --no-fund \
    && cp node_modules/@foundry-rs/anvil-linux-*/bin/anvil /anvil

FROM debian:12.12-slim AS anvil
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin karat \
    && install --directory --owner=karat /data
COPY --from=npm /anvil /usr/local/bin/anvil
USER 10001
VOLUME /data
EXPOSE 8545
ENTRYPOINT ["anvil"]

FROM python:3.11.14-slim-bookworm AS karat
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin karat \
    && install --directory --owner=karat --mode=0700 /config /data
COPY --from=build /opt/karat /opt/karat
COPY examples/deploy.py /opt/karat/share/deploy.py
ENV PATH=/opt/karat/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    KARAT_CONFIG_DIR=/config \
    KARAT_DATA_DIR=/data \
    NUMBA_CACHE_DIR=/data/numba
USER 10001
WORKDIR /data
VOLUME ["/config", "/data"]
ENTRYPOINT ["karat"]
CMD ["--help"]
