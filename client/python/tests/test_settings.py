import struct
import zlib

import pytest

from fluxgrpc import settings_of

HEADER = struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 0)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", HEADER) + b"".join(chunks) + chunk(b"IEND", b"")


def text(keyword: str, value: str) -> bytes:
    return chunk(b"tEXt", f"{keyword}\0{value}".encode("latin-1"))


def test_every_setting_is_read_from_every_kind_of_text() -> None:
    prompt, options = settings_of(
        png(
            chunk(b"iTXt", "prompt\0\0\0\0\0a red circle – 🔴".encode()),
            chunk(b"iTXt", b"negative_prompt\0\1\0en\0x\0" + zlib.compress("a – square".encode())),
            chunk(b"zTXt", b"t5_prompt\0\0" + zlib.compress(b"a circle \xe4")),
            text("seed", str(2**64 - 1)),
            text("steps", "2"),
            text("guidance", "2.5"),
            text("max_tokens", "24"),
            text("true_cfg_scale", "3"),
            text("step_cache_threshold", "0.25"),
            text("sigmas", "1 0.4 0"),
            text("sampler", "DpmSolver2M"),
            text("software", "FluxGrpc 0.1.0"),
        )
    )

    assert prompt == "a red circle – 🔴"
    assert options == {
        "width": 96,
        "height": 64,
        "seed": 2**64 - 1,
        "steps": 2,
        "guidance": 2.5,
        "max_tokens": 24,
        "t5_prompt": "a circle ä",
        "negative_prompt": "a – square",
        "true_cfg_scale": 3,
        "step_cache_threshold": 0.25,
        "sigmas": [1, 0.4, 0],
        "sampler": "dpmpp_2m",
    }


OURS = text("prompt", "a cat") + text("seed", "7")


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "not a PNG file"),
        (b"\xff\xd8\xff", "not a PNG file"),
        (png(OURS)[:-1], "ends within a chunk"),
        (png(), "does not say how it was made"),
        (png(OURS, text("strength", "0.6")), "made from another one"),
        (png(OURS, text("sampler", "Ddim")), "the sampler 'Ddim'"),
        (png(OURS, text("steps", "many")), "many"),
        (png(OURS, chunk(b"zTXt", b"x\0\0broken")), "compressed text"),
        (png(OURS, chunk(b"zTXt", b"x\0\0" + zlib.compress(b"x" * (1 << 21)))), "longer than"),
        (png(OURS, chunk(b"iTXt", b"x\0\0\0\0\0\xff")), "utf-8"),
    ],
)
def test_what_is_no_such_picture_is_a_value_error(file: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        settings_of(file)
