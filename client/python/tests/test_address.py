import os.path

import pytest

from fluxgrpc import FluxClient
from fluxgrpc.channel import metadata_of, target_of


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://localhost:5000/", "localhost:5000"),
        ("localhost:5000", "localhost:5000"),
        ("http://[::1]:5000", "[::1]:5000"),
        ("https://flux.example.org:443", "flux.example.org:443"),
        ("unix:/run/flux.sock", "unix:/run/flux.sock"),
        ("unix:///run/flux.sock", "unix:/run/flux.sock"),
        ("unix:flux.sock", f"unix:{os.path.abspath('flux.sock')}"),
    ],
)
def test_an_address_is_read(address: str, target: str) -> None:
    assert target_of(address) == target


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "unix:", "unix:/", "http://", "http://host:x", "http://host:70000", "https://host", "http://host:1/path",
     "http://[::1:5000", "http://user@host:1", "ftp://host:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_is(address: str) -> None:
    with pytest.raises(ValueError, match="allowed: http://host:port, https://host:port, host:port, unix:/path/of.sock"):
        FluxClient(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "localhost:1", "http://[::1]:1", "unix:/run/flux.sock", "https://host:1"])
def test_a_key_travels_where_nobody_else_reads_it(address: str) -> None:
    assert metadata_of(address, "secret") == [("authorization", "Bearer secret")]


@pytest.mark.parametrize("address", ["http://host:1", "10.0.0.1:1"])
def test_a_key_does_not_travel_readable(address: str) -> None:
    with pytest.raises(ValueError, match="would travel readable"):
        FluxClient(address, api_key="secret")


def test_certificates_are_for_tls() -> None:
    with pytest.raises(ValueError, match="certificates are for https"):
        FluxClient("http://127.0.0.1:1", ca="ca.crt")
    with pytest.raises(ValueError, match="go together"):
        FluxClient("https://127.0.0.1:1", certificate="client.crt")
