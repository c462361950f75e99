"""What the server said, as exceptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import grpc

from fluxgrpc.v1.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo, Status

DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """One thing that is wrong with a request."""

    field: str
    """Path of the field, in the .proto file's names: ``width``."""

    description: str
    """What the value is and what is allowed."""


class FluxError(Exception):
    """A call that failed. Its text is the server's own."""

    status: grpc.StatusCode
    """The call's status."""

    reason: str
    """Stable UPPER_SNAKE name of the reason, for code to branch on; empty where the server gave none."""

    violations: tuple[FieldViolation, ...]
    """What is wrong with the request, field by field; empty for other failures."""

    retry_delay: timedelta | None
    """How long the server asks to wait before another try; None where another try is of no use or it did not say."""

    def __init__(
        self,
        message: str,
        status: grpc.StatusCode,
        reason: str = "",
        violations: tuple[FieldViolation, ...] = (),
        retry_delay: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.violations = violations
        self.retry_delay = retry_delay


class InvalidRequestError(FluxError, ValueError):
    """The request has a value that the server does not allow (INVALID_ARGUMENT)."""


class UnavailableError(FluxError, ConnectionError):
    """Nobody answers, or the server is not ready (UNAVAILABLE)."""


class DeadlineExceededError(FluxError, TimeoutError):
    """The timeout passed before the end (DEADLINE_EXCEEDED)."""


_CLASSES: dict[grpc.StatusCode, type[FluxError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
}


@contextmanager
def rpc_errors(address: str) -> Iterator[None]:
    """Makes what grpcio raises in the block a :class:`FluxError`."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_from(error, address) from error


def error_from(error: grpc.RpcError, address: str) -> FluxError:
    """Decodes a failed call.

    :param error: what grpcio raised.
    :param address: the server's address, for the message where it gave no answer at all.
    """
    details = _details_of(error)
    violations: list[FieldViolation] = []
    reason, retry_delay = "", None
    for detail in details.details if details else ():
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.BadRequest":
                found = BadRequest.FromString(detail.value).field_violations
                violations += [FieldViolation(violation.field, violation.description) for violation in found]
            case "google.rpc.ErrorInfo":
                reason = ErrorInfo.FromString(detail.value).reason
            case "google.rpc.RetryInfo":
                retry_delay = RetryInfo.FromString(detail.value).retry_delay.ToTimedelta()

    message = error.details() or error.code().name
    if error.code() is grpc.StatusCode.UNAVAILABLE and details is None:
        message = f"no answer from {address}: {message}"
    return _CLASSES.get(error.code(), FluxError)(message, error.code(), reason, tuple(violations), retry_delay)


def _details_of(error: grpc.RpcError) -> Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            status: Status = Status.FromString(value)
            return status
    return None
