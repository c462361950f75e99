using FluxGrpc.Orchestrator.Conditioning;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Tier;

namespace FluxGrpc.Orchestrator;

/// <summary>What every generation goes through.</summary>
/// <param name="Encoder">Turns the prompt into conditioning.</param>
/// <param name="PictureEncoder">Turns a picture to start from into latents.</param>
/// <param name="Tier">Has the denoisers.</param>
/// <param name="Decoder">Turns latents into pixels.</param>
/// <param name="Options">How many images of a request a denoiser may have at once.</param>
/// <param name="Time">Measures the stages.</param>
internal sealed record GenerationStages(PromptEncoder Encoder, PictureEncoder PictureEncoder, ModelTier Tier, ImageDecoder Decoder,
    OrchestratorOptions Options, TimeProvider Time);
