import os.path

import pytest

from fluxgrpc import FluxClient
from fluxgrpc.channel import target_of


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://localhost:5000/", "localhost:5000"),
        ("localhost:5000", "localhost:5000"),
        ("http://[::1]:5000", "[::1]:5000"),
        ("unix:/run/flux.sock", "unix:/run/flux.sock"),
        ("unix:///run/flux.sock", "unix:/run/flux.sock"),
        ("unix:flux.sock", f"unix:{os.path.abspath('flux.sock')}"),
    ],
)
def test_an_address_is_read(address: str, target: str) -> None:
    assert target_of(address) == target


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "unix:", "unix:/", "http://", "http://host:x", "http://host:70000", "https://host:5000", "http://host:1/path",
     "http://[::1:5000", "http://user@host:1", "ftp://host:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_is(address: str) -> None:
    with pytest.raises(ValueError, match="allowed: http://host:port, host:port, unix:/path/of.sock"):
        FluxClient(address)
