# The same steps as on a laptop: `make setup`, then the page. Build: docker build -t montage . ; run: docker run -p 7860:7860 montage
FROM python:3.12-slim-bookworm

RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 montage

WORKDIR /home/montage/app
RUN chown montage:montage /home/montage/app
USER montage

COPY --chown=montage:montage . .
RUN make setup

ENV MONTAGE_STORE=/home/montage/store
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD [".venv/bin/montage", "serve", "--host", "0.0.0.0", "--set", "embeddings.model=mini"]
