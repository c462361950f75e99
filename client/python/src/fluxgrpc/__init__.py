"""Client for FluxGrpc: FLUX.1 text-to-image over gRPC.

    from fluxgrpc import FluxClient

    with FluxClient("http://127.0.0.1:5000") as flux:
        for image in flux.generate("a red circle", seed=7).images():
            pathlib.Path(f"{image.seed}.png").write_bytes(image.data)

The messages are those of the contracts, in :mod:`fluxgrpc.v1`. :mod:`fluxgrpc.tensors` and :mod:`fluxgrpc.denoising` speak
numpy, for samplers of your own, and :mod:`fluxgrpc.aio` is the same client for asyncio.
"""

from fluxgrpc.channel import open_channel
from fluxgrpc.client import FluxClient, Generation
from fluxgrpc.errors import (
    DeadlineExceededError,
    FieldViolation,
    FluxError,
    InvalidRequestError,
    UnavailableError,
)
from fluxgrpc.generation import Event, GenerateOptions
from fluxgrpc.settings import settings_of
from fluxgrpc.v1 import (
    GeneratedImage,
    GenerationAccepted,
    GenerationFinished,
    GenerationQueued,
    PromptEncoded,
    ReplicaChanged,
    StepCompleted,
)

__all__ = [
    "DeadlineExceededError",
    "Event",
    "FieldViolation",
    "FluxClient",
    "FluxError",
    "GenerateOptions",
    "GeneratedImage",
    "Generation",
    "GenerationAccepted",
    "GenerationFinished",
    "GenerationQueued",
    "InvalidRequestError",
    "PromptEncoded",
    "ReplicaChanged",
    "StepCompleted",
    "UnavailableError",
    "open_channel",
    "settings_of",
]
