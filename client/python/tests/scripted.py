"""Servers that answer as a test tells them, over real gRPC on a Unix socket."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from fluxgrpc.errors import DETAILS_KEY
from fluxgrpc.v1 import (
    DenoiserServiceServicer,
    ImageGenerationServiceServicer,
    add_DenoiserServiceServicer_to_server,
    add_ImageGenerationServiceServicer_to_server,
)
from fluxgrpc.v1.error_details_pb2 import Status

Script = Callable[[Any, grpc.ServicerContext], Iterator[Any]]


class ScriptedOrchestrator(ImageGenerationServiceServicer):
    """Plays its script for every Generate."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.requests: list[Any] = []
        self.call_ended = threading.Event()

    def Generate(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.requests.append(request)
        context.add_callback(self.call_ended.set)
        return self._script(request, context)


class ScriptedDenoiser(DenoiserServiceServicer):
    """Plays its script for every session."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.call_ended = threading.Event()

    def Denoise(self, request_iterator: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        context.add_callback(self.call_ended.set)
        return self._script(request_iterator, context)


@contextmanager
def serve(servicer: ScriptedOrchestrator | ScriptedDenoiser, folder: Path) -> Iterator[str]:
    """Runs a server for the block; gives its address."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    if isinstance(servicer, ScriptedOrchestrator):
        add_ImageGenerationServiceServicer_to_server(servicer, server)
    else:
        add_DenoiserServiceServicer_to_server(servicer, server)
    address = f"unix:{folder}/scripted"
    server.add_insecure_port(address)
    server.start()
    try:
        yield address
    finally:
        server.stop(grace=None).wait()


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, **details: Message) -> None:
    """Ends the call as our services do.

    :param details: google.rpc messages by their names: ``BadRequest=…``.
    """
    status = Status(code=code.value[0], message=message)
    for name, detail in details.items():
        status.details.append(AnyMessage(type_url=f"type.googleapis.com/google.rpc.{name}", value=detail.SerializeToString()))
    context.set_trailing_metadata(((DETAILS_KEY, status.SerializeToString()),))
    context.abort(code, message)
