# kohya's sd-scripts, with the driver of this project. Build from the top folder:
#   docker build --file docker/trainers/kohya.Dockerfile --tag influencerai-trainer-kohya .
#
# The source is the commit that packages/trainers/src/upstream.ts names, and every package is held by its hash in
# packages/trainers/environments. torch brings its CUDA libraries; the driver comes from the host.

ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Some builders round the times of files, and compiled code that looks at them would be thrown away.
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH
# A compiler for the few packages that are published as source alone.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ git \
  && rm -rf /var/lib/apt/lists/* \
  && pip install uv==0.13.8
WORKDIR /opt/trainer
COPY packages/trainers/environments/kohya.txt ./requirements.txt
RUN uv venv --python /usr/local/bin/python3 venv \
  && uv pip sync --python venv/bin/python --require-hashes requirements.txt
ARG COMMIT=48d368fa557731ad0488c07304dfeba8c07910eb
# git takes nothing whose contents do not give this very commit.
RUN git init --quiet source \
  && git -C source fetch --quiet --depth 1 https://github.com/kohya-ss/sd-scripts.git "${COMMIT}" \
  && git -C source checkout --quiet FETCH_HEAD \
  && rm -rf source/.git
COPY packages/trainers/drivers/__main__.py drivers/
COPY packages/trainers/drivers/influencerai_drivers drivers/influencerai_drivers/
# The container's file system is read-only: what is not compiled here is compiled at every start.
RUN venv/bin/python -m compileall -q --invalidation-mode unchecked-hash drivers source

FROM ${PYTHON_IMAGE}
# triton compiles small launchers while it trains.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini gcc libc6-dev \
  && rm -rf /var/lib/apt/lists/*
# A layer each: a change of the drivers repeats none of the gigabytes below it.
COPY --from=build /opt/trainer/venv /opt/trainer/venv/
COPY --from=build /opt/trainer/source /opt/trainer/source/
COPY --from=build /opt/trainer/drivers /opt/trainer/drivers/
ARG COMMIT=48d368fa557731ad0488c07304dfeba8c07910eb
LABEL org.opencontainers.image.version=${COMMIT}
ENV PYTHONDONTWRITEBYTECODE=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility
# The worker names another user; without it, still not root.
USER 65534:65534
# The whole group gets a signal, and what a trainer leaves behind is reaped.
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["/opt/trainer/venv/bin/python", "/opt/trainer/drivers", "--help"]
