"""What a picture of ours says of how it was made."""

import zlib
from collections.abc import Iterator
from typing import Literal

from fluxgrpc.generation import GenerateOptions

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_TEXT_BYTES = 1 << 20
_SAMPLERS: dict[str, Literal["euler", "heun", "dpmpp_2m"]] = {"Euler": "euler", "Heun": "heun", "DpmSolver2M": "dpmpp_2m"}


def settings_of(file: bytes) -> tuple[str, GenerateOptions]:
    """Reads prompt and options from a PNG file, so that ``flux.generate(prompt, **options)`` makes the picture again.

    :param file: the file, which is not trusted.
    :raises ValueError: it is no PNG file, is broken, does not say how it was made, or was made from another picture.
    """
    chunks = list(_chunks_of(file))
    texts = dict(text for kind, content in chunks if (text := _text_of(kind, content)) is not None)
    if "prompt" not in texts or "seed" not in texts:
        raise ValueError("the picture does not say how it was made")
    if "strength" in texts:
        raise ValueError("the picture was made from another one, which it does not hold: init_image takes it")

    kind, header = chunks[0]
    if kind != b"IHDR":
        raise ValueError("the PNG file has no header")
    options: GenerateOptions = {
        "width": int.from_bytes(header[0:4], "big"),
        "height": int.from_bytes(header[4:8], "big"),
        "seed": int(texts["seed"]),
    }
    if "steps" in texts:
        options["steps"] = int(texts["steps"])
    if "guidance" in texts:
        options["guidance"] = float(texts["guidance"])
    if "max_tokens" in texts:
        options["max_tokens"] = int(texts["max_tokens"])
    if "t5_prompt" in texts:
        options["t5_prompt"] = texts["t5_prompt"]
    if "negative_prompt" in texts:
        options["negative_prompt"] = texts["negative_prompt"]
    if "true_cfg_scale" in texts:
        options["true_cfg_scale"] = float(texts["true_cfg_scale"])
    if "step_cache_threshold" in texts:
        options["step_cache_threshold"] = float(texts["step_cache_threshold"])
    if "sigmas" in texts:
        options["sigmas"] = [float(sigma) for sigma in texts["sigmas"].split()]
    if "sampler" in texts:
        options["sampler"] = _sampler_of(texts["sampler"])
    return texts["prompt"], options


def _sampler_of(name: str) -> Literal["euler", "heun", "dpmpp_2m"]:
    if name not in _SAMPLERS:
        raise ValueError(f"the picture was made by the sampler '{name}', which this client does not know")
    return _SAMPLERS[name]


def _chunks_of(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each chunk, the header first."""
    if not file.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    position = len(_SIGNATURE)
    while position < len(file):
        length = int.from_bytes(file[position : position + 4], "big")
        end = position + 8 + length
        if end + 4 > len(file):
            raise ValueError("the PNG file ends within a chunk")
        yield file[position + 4 : position + 8], file[position + 8 : end]
        position = end + 4


def _text_of(kind: bytes, content: bytes) -> tuple[str, str] | None:
    """Keyword and text of a text chunk."""
    keyword, _, rest = content.partition(b"\0")
    name = keyword.decode("latin-1")
    match kind:
        case b"tEXt":
            return name, rest.decode("latin-1")
        case b"zTXt":
            return name, _inflate(rest[1:]).decode("latin-1")
        case b"iTXt":
            text = rest[2:].split(b"\0", 2)[-1]  # Behind the language and the translated keyword.
            return name, (_inflate(text) if rest[:1] == b"\1" else text).decode()
    return None


def _inflate(compressed: bytes) -> bytes:
    try:
        text = zlib.decompressobj().decompress(compressed, _MAX_TEXT_BYTES + 1)
    except zlib.error as error:
        raise ValueError("a compressed text of the PNG file is broken") from error
    if len(text) > _MAX_TEXT_BYTES:
        raise ValueError(f"a text of the PNG file is longer than {_MAX_TEXT_BYTES} bytes")
    return text
