"""Channels that are fit for tensors."""

import os.path
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import grpc

ALLOWED = "http://host:port, https://host:port, host:port, unix:/path/of.sock"

# The servers' own limit. gRPC's default of 4 MiB is just too small for the 512 text tokens of FLUX.1.
MAX_MESSAGE_BYTES = 256 * 1024 * 1024

OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]


def open_channel(
    address: str, *, ca: str | Path | None = None, certificate: str | Path | None = None, key: str | Path | None = None
) -> grpc.Channel:
    """Makes a channel to any of the services; nothing is sent before the first call.

    :param address: ``http://host:port``, ``https://host:port``, ``host:port`` or ``unix:/path/of.sock``.
    :param ca: PEM file with the CAs that the server's certificate may come from; by default those that gRPC brings along.
    :param certificate: PEM file with a certificate to show to the server (mutual TLS).
    :param key: PEM file with its private key.
    :raises ValueError: the address is none of these, or certificates are given for one without TLS.
    :raises OSError: a file cannot be read.
    """
    credentials = credentials_of(address, ca, certificate, key)
    if credentials is None:
        return grpc.insecure_channel(target_of(address), options=OPTIONS)
    return grpc.secure_channel(target_of(address), credentials, options=OPTIONS)


def credentials_of(
    address: str, ca: str | Path | None, certificate: str | Path | None, key: str | Path | None
) -> grpc.ChannelCredentials | None:
    """What a channel trusts and shows; None for one without TLS."""
    if not address.startswith("https://"):
        if ca or certificate or key:
            raise ValueError(f"certificates are for https:// addresses; the address is {address!r}")
        return None
    if (certificate is None) != (key is None):
        raise ValueError("a certificate and its key go together; one of them is missing")
    roots, chain, private = (Path(file).read_bytes() if file else None for file in (ca, certificate, key))
    return grpc.ssl_channel_credentials(root_certificates=roots, private_key=private, certificate_chain=chain)


def metadata_of(address: str, api_key: str | None) -> list[tuple[str, str]]:
    """What goes along with each call. A key is not sent where others could read it.

    :raises ValueError: the address is another machine's, and plain text.
    """
    if not api_key:
        return []
    if not address.startswith(("https://", "unix:")) and not _is_this_machine(target_of(address)):
        raise ValueError(f"an API key would travel readable to {address!r}; allowed: https:// and addresses on this machine")
    return [("authorization", f"Bearer {api_key}")]


def _is_this_machine(target: str) -> bool:
    host = urlsplit(f"//{target}").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False  # The name of another machine.


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
            if parts.scheme in ("http", "https") and parts.hostname and parts.port and parts.path in ("", "/") and not any(extras):
                return parts.netloc
        except ValueError:
            pass  # The port is no port, or the brackets of an IPv6 address are not closed.
    raise ValueError(f"{address!r} is not an address; allowed: {ALLOWED}")
