"""The client of the orchestrator for asyncio."""

from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Unpack

import grpc.aio

from fluxgrpc.channel import OPTIONS, credentials_of, metadata_of, target_of
from fluxgrpc.errors import rpc_errors
from fluxgrpc.generation import DEFAULT_ADDRESS, Event, GenerateOptions, event_of, request_of
from fluxgrpc.v1 import (
    CancelGenerationRequest,
    GeneratedImage,
    GetStatusRequest,
    GetStatusResponse,
    ImageGenerationServiceGetModelInfoRequest,
    ImageGenerationServiceGetModelInfoResponse,
    ImageGenerationServiceStub,
)

class AsyncFluxClient:
    """:class:`fluxgrpc.FluxClient` for asyncio; to be made inside the event loop.

    Cancelling the task that waits for an event stops the work on the server within one step.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        api_key: str | None = None,
        ca: str | Path | None = None,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        self.address = address
        self._metadata = metadata_of(address, api_key)
        credentials = credentials_of(address, ca, certificate, key)
        self._channel = (
            grpc.aio.insecure_channel(target_of(address), options=OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(target_of(address), credentials, options=OPTIONS)
        )
        self._service = ImageGenerationServiceStub(self._channel)

    async def generate(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> AsyncGenerator[Event, None]:
        """Makes pictures; see :meth:`fluxgrpc.FluxClient.generate`. The work starts when the first event is asked for."""
        call = self._service.Generate(request_of(prompt, options), timeout=timeout, metadata=self._metadata)
        try:
            with rpc_errors(self.address):
                async for response in call:
                    if (event := event_of(response)) is not None:
                        yield event
        finally:
            call.cancel()

    async def generate_images(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> AsyncGenerator[GeneratedImage, None]:
        """Makes pictures, each handed out as soon as it is done."""
        async for event in self.generate(prompt, timeout=timeout, **options):
            if isinstance(event, GeneratedImage):
                yield event

    async def cancel(self, request_id: str) -> None:
        """Stops a generation, detached or not, within one step."""
        with rpc_errors(self.address):
            await self._service.CancelGeneration(CancelGenerationRequest(request_id=request_id), metadata=self._metadata)

    async def model_info(self) -> ImageGenerationServiceGetModelInfoResponse:
        """Describes the models behind the server, its defaults and its limits."""
        with rpc_errors(self.address):
            info: ImageGenerationServiceGetModelInfoResponse = await self._service.GetModelInfo(
                ImageGenerationServiceGetModelInfoRequest(), metadata=self._metadata
            )
            return info

    async def status(self) -> GetStatusResponse:
        """Shows which services are behind the server and how busy they are."""
        with rpc_errors(self.address):
            status: GetStatusResponse = await self._service.GetStatus(GetStatusRequest(), metadata=self._metadata)
            return status

    async def close(self) -> None:
        """Closes the connections; calls in flight are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> "AsyncFluxClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
