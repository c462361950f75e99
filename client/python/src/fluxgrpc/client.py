"""The client of the orchestrator."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Unpack

import grpc

from fluxgrpc.channel import metadata_of, open_channel
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

class FluxClient:
    """Asks an orchestrator for pictures. Safe for use by several threads at once.

    Every method raises :class:`fluxgrpc.FluxError` where the call fails.

    :param address: ``http://host:port``, ``https://host:port``, ``host:port`` or ``unix:/path/of.sock``; nothing is sent before
        the first call.
    :param api_key: for a server that asks for one; sent over TLS and within this machine only.
    :param ca: as ``certificate`` and ``key``: see :func:`fluxgrpc.open_channel`.
    :raises ValueError: the address is none of these, or the rest does not fit it.
    :raises OSError: a file cannot be read.
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
        self._channel = open_channel(address, ca=ca, certificate=certificate, key=key)
        self._service = ImageGenerationServiceStub(self._channel)

    def generate(self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]) -> "Generation":
        """Makes pictures. The work starts at once; the events arrive in the iterator that is returned.

        Leaving the ``with`` block of the generation, or Ctrl-C, stops the work on the server within one step.

        :param prompt: what to draw.
        :param timeout: seconds after which the call ends with :class:`fluxgrpc.DeadlineExceededError`.
        :param options: see :class:`fluxgrpc.GenerateOptions`.
        """
        call = self._service.Generate(request_of(prompt, options), timeout=timeout, metadata=self._metadata)
        return Generation(call, self.address)

    def cancel(self, request_id: str) -> None:
        """Stops a generation, detached or not, within one step."""
        with rpc_errors(self.address):
            self._service.CancelGeneration(CancelGenerationRequest(request_id=request_id), metadata=self._metadata)

    def model_info(self) -> ImageGenerationServiceGetModelInfoResponse:
        """Describes the models behind the server, its defaults and its limits."""
        with rpc_errors(self.address):
            info: ImageGenerationServiceGetModelInfoResponse = self._service.GetModelInfo(
                ImageGenerationServiceGetModelInfoRequest(), metadata=self._metadata
            )
            return info

    def status(self) -> GetStatusResponse:
        """Shows which services are behind the server and how busy they are."""
        with rpc_errors(self.address):
            status: GetStatusResponse = self._service.GetStatus(GetStatusRequest(), metadata=self._metadata)
            return status

    def close(self) -> None:
        """Closes the connections; calls in flight are cancelled."""
        self._channel.close()

    def __enter__(self) -> "FluxClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Generation(Iterator[Event]):
    """The events of a generation, as they happen. :meth:`FluxClient.generate` makes it."""

    def __init__(self, call: grpc.Call, address: str) -> None:
        self._call = call
        self._address = address

    def __next__(self) -> Event:
        try:
            with rpc_errors(self._address):
                while (event := event_of(next(self._call))) is None:
                    pass
                return event
        except KeyboardInterrupt:
            self.cancel()
            raise

    def images(self) -> Iterator[GeneratedImage]:
        """The pictures alone, each as soon as it is done; ``image.data`` is the PNG file."""
        return (event for event in self if isinstance(event, GeneratedImage))

    def cancel(self) -> None:
        """Stops the work on the server within one step (a detached generation goes on). Any thread may call it."""
        self._call.cancel()

    def __enter__(self) -> "Generation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()
