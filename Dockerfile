# syntax=docker/dockerfile:1
# One image for the server (`serve`, the default), the worker (`work`) and migrations (`migrate`).
# `--build-arg SPEECH=1` adds the speech model and its voices, about 200 MB: run `npm pack kokoro-js@1.2.1` first.
# `--build-arg LOTTIE=1` adds what draws Lottie animations, 3 MB.
# `--build-arg RECOGNITION=1` adds the recognition model and what runs it, about 350 MB.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/build && python -m venv --without-pip /opt/render-service
# Of jieba there is no wheel; its source is pinned by hash like all others.
ARG SPEECH=0
ARG RECOGNITION=0
ARG LOTTIE=0
# Dependencies first: they change seldom, and their layer is the big one.
COPY requirements/ requirements/
RUN /opt/build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && /opt/build/bin/pip --python /opt/render-service/bin/python install --require-hashes --only-binary :all: \
        $([ "$SPEECH" = 1 ] && echo --no-binary jieba --requirement requirements/speech.txt \
            || echo --requirement requirements/runtime.txt) \
        $([ "$RECOGNITION" = 1 ] && echo --requirement requirements/recognition.txt) \
        $([ "$LOTTIE" = 1 ] && echo --requirement requirements/lottie.txt)
COPY . .
RUN PATH=/opt/build/bin:$PATH pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./clients/python . \
 && pip --python /opt/render-service/bin/python install --no-deps --no-index /wheels/*.whl
# The voices are in an npm package, which `npm pack kokoro-js@1.2.1` puts into this folder; the command checks its hash.
RUN if [ "$SPEECH" = 1 ]; then /opt/render-service/bin/render-service install-voices --archive kokoro-js-1.2.1.tgz; fi

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="render-service" \
      org.opencontainers.image.description="A gRPC service that turns scripts and storyboards into finished MP4 videos." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 render \
 && useradd --uid 10001 --gid render --home-dir /var/lib/render-service --shell /usr/sbin/nologin render \
 && install --directory --owner=render --group=render --mode=0700 /var/lib/render-service /scratch
COPY --from=build /opt/render-service /opt/render-service
ENV PATH=/opt/render-service/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RENDER_WORK_DIR=/scratch
# Numbers, so that orchestrators can verify that it is not root.
USER 10001:10001
WORKDIR /var/lib/render-service
# Objects, where they are kept in a local folder; and a worker's scratch files.
VOLUME ["/var/lib/render-service", "/scratch"]
EXPOSE 50051
# Of the server; a worker has no port, deploy/compose.yaml shows its check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "render_service.runtime.health_probe"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["render-service"]
CMD ["serve"]
