# One image for `api`, `worker` and `migrate`. The plain torch wheels bring their own CUDA
# libraries; of the host, a GPU needs only the driver and the NVIDIA container toolkit.
FROM python:3.12-slim

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# Triton, which compiles the augmentation kernels for the GPU that is there, needs a C compiler.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# The large part first, so that a change of the code does not fetch it again.
WORKDIR /build
COPY service/constraints.txt ./
RUN pip install -c constraints.txt torch torchvision

COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY core core
COPY migrations migrations
COPY quarterturn quarterturn
COPY service service
COPY workers workers
RUN pip install -c constraints.txt . './service[s3]'

# A named volume that is mounted at /data takes over the owner of this folder.
RUN useradd --uid 10001 --create-home quarterturn \
    && install -d -o quarterturn -g quarterturn -m 0700 /data
USER quarterturn
WORKDIR /home/quarterturn
ENV QUARTERTURN_DATA_DIR=/data
# For the processor that builds; another compiles anew, when its first trial starts.
RUN python -c 'from quarterturn.augment.warm_up import compile_kernels; compile_kernels()'
EXPOSE 8000
ENTRYPOINT ["quarterturn"]
CMD ["api"]
