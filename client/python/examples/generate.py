"""Makes pictures of a prompt: python3 examples/generate.py "a red circle left of a blue square" --seed 7

Ctrl-C stops the work on the server and ends with exit code 130; a failure ends with exit code 1. An API key comes from FLUX_API_KEY.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Literal, cast

from fluxgrpc import (
    FluxClient,
    FluxError,
    GeneratedImage,
    GenerateOptions,
    Generation,
    GenerationAccepted,
    GenerationFinished,
    GenerationQueued,
    PromptEncoded,
    ReplicaChanged,
    StepCompleted,
    settings_of,
)

FORMATS: dict[str, Literal["png", "jpeg", "webp"]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def main() -> int:
    arguments = parse_arguments()
    try:
        prompt, options = order_of(arguments)
        with connect(arguments) as flux, flux.generate(prompt, **options) as generation:
            save(generation, arguments.output)
    except (FluxError, ValueError, OSError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("generate: cancelled", file=sys.stderr)
        return 130
    return 0


def connect(arguments: argparse.Namespace) -> FluxClient:
    return FluxClient(arguments.server, api_key=os.environ.get("FLUX_API_KEY"), ca=arguments.ca)


def order_of(arguments: argparse.Namespace) -> tuple[str, GenerateOptions]:
    prompt, options = settings_of(arguments.source.read_bytes()) if arguments.source else ("", GenerateOptions())
    asked: GenerateOptions = {
        "width": arguments.width,
        "height": arguments.height,
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "seed": arguments.seed,
        "count": arguments.count,
        "sampler": arguments.sampler,
        "sigmas": arguments.sigmas,
        "negative_prompt": arguments.negative_prompt,
        "true_cfg_scale": arguments.true_cfg_scale,
        "init_image": arguments.init_image.read_bytes() if arguments.init_image else None,
        "strength": arguments.strength,
        "format": FORMATS.get(arguments.output.suffix.lower()),
        "priority": "batch" if arguments.batch else "interactive",
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return arguments.prompt or prompt, cast(GenerateOptions, {**options, **given})


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def save(generation: Generation, output: Path) -> None:
    count = 1
    for event in generation:
        match event:
            case GenerationAccepted():
                count = event.settings.count
                print(f"{event.model_name}: {event.settings.width} x {event.settings.height}, seed {event.settings.seed}")
            case GenerationQueued():
                print(f"waiting: {event.ahead} ahead")
            case PromptEncoded() if event.t5_usage.truncated:
                print(f"the prompt is too long; cut off: {event.t5_usage.dropped_text}", file=sys.stderr)
            case StepCompleted():
                print(f"image {event.image_index + 1}/{count}, step {event.step_index + 1}/{event.steps}")
            case ReplicaChanged():
                print(f"image {event.image_index + 1}/{count} goes on at {event.to_replica_id}")
            case GeneratedImage():
                name = output if count == 1 else output.with_stem(f"{output.stem}-{event.image_index + 1}")
                name.write_bytes(event.data)
                print(f"{name}: seed {event.seed}")
            case GenerationFinished():
                print(f"finished in {event.total_time.ToTimedelta().total_seconds():.1f} s")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes pictures of a prompt.")
    parser.add_argument("prompt", nargs="?", help="may be left out with --from")
    parser.add_argument("--from", dest="source", type=Path, help="a .png to make again, but for what other options say")
    parser.add_argument("--server", default="http://127.0.0.1:5000", help="http://host:port, https://host:port or unix:/path")
    parser.add_argument("--ca", type=Path, default=os.environ.get("FLUX_CA"), help="CAs that the server's certificate may come from")
    parser.add_argument("--output", type=Path, default=Path("out.png"), help="a .png, .jpg or .webp file")
    parser.add_argument("--width", type=int)
    parser.add_argument("--height", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--count", type=int)
    parser.add_argument("--sampler", choices=["euler", "heun", "dpmpp_2m"])
    parser.add_argument("--sigmas", type=numbers, help="timesteps instead of the model's: 1,0.7,0.3,0")
    parser.add_argument("--negative-prompt", help="what not to draw")
    parser.add_argument("--true-cfg-scale", type=float, help="strength of the negative prompt")
    parser.add_argument("--init-image", type=Path, help="a picture to start from")
    parser.add_argument("--strength", type=float, help="how much of the way from noise is left to go from it")
    parser.add_argument("--batch", action="store_true", help="let others go first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
