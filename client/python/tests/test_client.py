import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from scripted import ScriptedOrchestrator, refuse, serve

from fluxgrpc import (
    DeadlineExceededError,
    FieldViolation,
    FluxClient,
    FluxError,
    GeneratedImage,
    GenerateOptions,
    GenerationAccepted,
    GenerationFinished,
    GenerationQueued,
    InvalidRequestError,
    PromptEncoded,
    ReplicaChanged,
    StepCompleted,
    UnavailableError,
)
from fluxgrpc.aio import AsyncFluxClient
from fluxgrpc.v1 import IMAGE_FORMAT_WEBP, PRIORITY_BATCH, SAMPLER_DPMPP_2M, GenerateRequest, GenerateResponse
from fluxgrpc.v1.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

PATIENCE = 30.0

EVENTS = [
    GenerateResponse(accepted=GenerationAccepted(request_id="x")),
    GenerateResponse(queued=GenerationQueued(ahead=2)),
    GenerateResponse(encoded=PromptEncoded(cached=True)),
    GenerateResponse(step=StepCompleted(step_index=0, steps=1)),
    GenerateResponse(replica_changed=ReplicaChanged(to_replica_id="other")),
    GenerateResponse(),  # As an event of a newer server looks to this client.
    GenerateResponse(image=GeneratedImage(data=b"png", seed=2**64 - 1)),
    GenerateResponse(finished=GenerationFinished()),
]
KINDS = [GenerationAccepted, GenerationQueued, PromptEncoded, StepCompleted, ReplicaChanged, GeneratedImage, GenerationFinished]


def all_events(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    yield from EVENTS


def one_event_and_silence(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    yield EVENTS[0]
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(PATIENCE)


def bad_values(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    violations = [BadRequest.FieldViolation(field=field, description=f"{field} is 0") for field in ("width", "steps")]
    refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "width is 0; steps is 0", BadRequest=BadRequest(field_violations=violations))
    yield


def full(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    refuse(
        context,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "8 generations are in hand",
        ErrorInfo=ErrorInfo(reason="QUEUE_FULL"),
        RetryInfo=RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    )
    yield


def test_every_event_arrives_in_order_and_unknown_ones_are_passed_over(tmp_path: Path) -> None:
    with serve(ScriptedOrchestrator(all_events), tmp_path) as address, FluxClient(address) as flux:
        assert [type(event) for event in flux.generate("a cat")] == KINDS
        assert [(image.data, image.seed) for image in flux.generate("a cat").images()] == [(b"png", 2**64 - 1)]


def test_options_reach_the_server_and_those_left_out_stay_unset(tmp_path: Path) -> None:
    orchestrator = ScriptedOrchestrator(all_events)
    with serve(orchestrator, tmp_path) as address, FluxClient(address) as flux:
        list(flux.generate("a cat", width=64, height=None, seed=0, priority="batch", sampler="dpmpp_2m", format="webp", sigmas=None))

    expected = GenerateRequest(prompt="a cat", width=64, seed=0)
    expected.priority, expected.sampler, expected.format = PRIORITY_BATCH, SAMPLER_DPMPP_2M, IMAGE_FORMAT_WEBP
    assert orchestrator.requests == [expected]
    assert not orchestrator.requests[0].HasField("height")


def test_every_field_of_the_request_has_an_option() -> None:
    assert GenerateOptions.__optional_keys__ | {"prompt"} == set(GenerateRequest.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize(("option", "value"), [("widht", 64), ("sampler", "magic"), ("seed", -1)])
def test_an_option_or_a_value_that_does_not_exist_is_refused_before_anything_is_sent(option: str, value: Any) -> None:
    with FluxClient() as flux, pytest.raises(ValueError, match="widht|MAGIC|-1"):
        flux.generate("a cat", **{option: value})


def test_bad_values_are_a_ValueError_with_the_servers_words(tmp_path: Path) -> None:
    with serve(ScriptedOrchestrator(bad_values), tmp_path) as address, FluxClient(address) as flux:
        with pytest.raises(ValueError, match="^width is 0; steps is 0$") as raised:
            list(flux.generate("a cat"))

    assert isinstance(raised.value, InvalidRequestError)
    assert raised.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.violations == (FieldViolation("width", "width is 0"), FieldViolation("steps", "steps is 0"))
    assert raised.value.retry_delay is None


def test_a_full_server_says_when_to_come_back(tmp_path: Path) -> None:
    with serve(ScriptedOrchestrator(full), tmp_path) as address, FluxClient(address) as flux:
        with pytest.raises(FluxError, match="^8 generations are in hand$") as raised:
            list(flux.generate("a cat"))

    assert (raised.value.reason, raised.value.retry_delay) == ("QUEUE_FULL", timedelta(seconds=1.5))


def test_nobody_there_is_a_ConnectionError_with_the_address(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/nobody"
    with FluxClient(address) as flux, pytest.raises(ConnectionError, match=f"no answer from {address}") as raised:
        flux.model_info()

    assert isinstance(raised.value, UnavailableError)


def test_a_timeout_is_a_TimeoutError(tmp_path: Path) -> None:
    with serve(ScriptedOrchestrator(one_event_and_silence), tmp_path) as address, FluxClient(address) as flux:
        with pytest.raises(TimeoutError) as raised:
            list(flux.generate("a cat", timeout=0.2))

    assert isinstance(raised.value, DeadlineExceededError)


def test_leaving_the_block_cancels_the_call(tmp_path: Path) -> None:
    orchestrator = ScriptedOrchestrator(one_event_and_silence)
    with serve(orchestrator, tmp_path) as address, FluxClient(address) as flux:
        with flux.generate("a cat") as generation:
            assert isinstance(next(generation), GenerationAccepted)
            assert not orchestrator.call_ended.is_set()

        assert orchestrator.call_ended.wait(PATIENCE)


def test_another_thread_may_cancel(tmp_path: Path) -> None:
    with serve(ScriptedOrchestrator(one_event_and_silence), tmp_path) as address, FluxClient(address) as flux:
        generation = flux.generate("a cat")
        next(generation)
        threading.Thread(target=generation.cancel).start()

        with pytest.raises(FluxError) as raised:
            next(generation)

    assert raised.value.status is grpc.StatusCode.CANCELLED


def test_asyncio_has_the_same_events_errors_and_cancellation(tmp_path: Path) -> None:
    async def check() -> None:
        with serve(ScriptedOrchestrator(all_events), tmp_path) as address:
            async with AsyncFluxClient(address) as flux:
                assert [type(event) async for event in flux.generate("a cat")] == KINDS
                assert [image.data async for image in flux.generate_images("a cat")] == [b"png"]
        with serve(ScriptedOrchestrator(bad_values), tmp_path) as address:
            async with AsyncFluxClient(address) as flux:
                with pytest.raises(InvalidRequestError, match="width is 0"):
                    await flux.generate("a cat").__anext__()

        orchestrator = ScriptedOrchestrator(one_event_and_silence)
        with serve(orchestrator, tmp_path) as address:
            async with AsyncFluxClient(address) as flux:
                events = flux.generate("a cat")
                await events.__anext__()
                waiting = asyncio.ensure_future(events.__anext__())
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert await asyncio.to_thread(orchestrator.call_ended.wait, PATIENCE)

    asyncio.run(check())
