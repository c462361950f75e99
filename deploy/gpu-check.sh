#!/usr/bin/env bash
# Checks this machine's NVIDIA GPU against the reference numbers. Needs the .NET 10 SDK and a PyTorch 2.10 install with CUDA.
#
#   deploy/gpu-check.sh [DEVICE]            DEVICE: cuda:0 by default
#
# The libtorch used is that of FLUX_LIBTORCH, else of the PyTorch that python3 imports.
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda:0}
export FLUX_LIBTORCH=${FLUX_LIBTORCH:-$(python3 -c 'import torch; print(torch.__path__[0] + "/lib")')}
echo "libtorch: $FLUX_LIBTORCH"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || true

dotnet build client/FluxGrpc.Cli -c Release -p:TorchBackend=existing
dotnet build tests/FluxGrpc.Benchmarks -c Release -p:TorchBackend=existing
flux() { dotnet run --no-build -c Release -p:TorchBackend=existing --project client/FluxGrpc.Cli -- "$@"; }

failed=0
for dtype in float32 bfloat16; do
  echo "== verify, $device, $dtype"
  flux verify tests/golden --device "$device" --dtype "$dtype" || failed=1
done

echo "== one picture on $device"
flux generate "a red circle left of a blue square" --device "$device" --seed 1 --output gpu-check.png

bench() { dotnet run --no-build -c Release -p:TorchBackend=existing --project tests/FluxGrpc.Benchmarks -- "$@"; }
echo "== seed-size transformer on $device, in process and over gRPC"
bench step --device "$device" --dtype bfloat16

# Milliseconds, FLOP/s, share of the card's matrix rate, difference from float32, memory.
for side in 512 1024; do
  echo "== seed-size transformer on $device, $side x $side"
  bench kernels --device "$device" --dtype bfloat16 --side "$side" --rounds 20 || failed=1
done
# Launching a step's kernels, which takes the same time for few tokens: what is left of it beside reading the weights once.
echo "== the same transformer with next to nothing to compute"
bench kernels --device "$device" --dtype bfloat16 --side 64 --text-tokens 16 --rounds 50 || failed=1
# From the file to the card, as stored and converted, against a plain read.
echo "== loading to $device"
bench load --device "$device" --rounds 5 || failed=1
# Weights as computed in, as stored, and multiplied as float8 where the card can; of a bfloat16 file and of a float8 one.
for side in 512 1024; do
  echo "== the same transformer with its weights in several types on $device, $side x $side"
  bench weight-types --device "$device" --dtype bfloat16 --side "$side" --rounds 20 || failed=1
done
echo "== FLUX's VAE and two layers of T5 XXL on $device"
bench kernels --part vae --device "$device" --dtype bfloat16 --side 1024 --rounds 10 || failed=1
bench kernels --part t5 --device "$device" --dtype bfloat16 --rounds 20 || failed=1
exit "$failed"
