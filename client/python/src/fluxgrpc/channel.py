"""Channels that are fit for tensors."""

import os.path
from urllib.parse import urlsplit

import grpc

ALLOWED = "http://host:port, host:port, unix:/path/of.sock"

# The servers' own limit. gRPC's default of 4 MiB is just too small for the 512 text tokens of FLUX.1.
MAX_MESSAGE_BYTES = 256 * 1024 * 1024

OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]


def open_channel(address: str) -> grpc.Channel:
    """Makes a channel to any of the services; nothing is sent before the first call.

    :param address: ``http://host:port``, ``host:port`` or ``unix:/path/of.sock``.
    :raises ValueError: none of these.
    """
    return grpc.insecure_channel(target_of(address), options=OPTIONS)


def target_of(address: str) -> str:
    """Reads an address into the form that grpcio takes: ``host:port`` or ``unix:/path``."""
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        if path.strip("/"):
            return f"unix:{os.path.abspath('/' + path.lstrip('/') if path.startswith('/') else path)}"
    else:
        try:
            parts = urlsplit(address if "://" in address else f"http://{address}")
            extras = (parts.username, parts.query, parts.fragment)
            if parts.scheme == "http" and parts.hostname and parts.port and parts.path in ("", "/") and not any(extras):
                return parts.netloc
        except ValueError:
            pass  # The port is no port, or the brackets of an IPv6 address are not closed.
    raise ValueError(f"{address!r} is not an address; allowed: {ALLOWED}")
