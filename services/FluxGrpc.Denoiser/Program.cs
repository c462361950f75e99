using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;

return await ServiceProgram.RunAsync<DenoiserOptions>(DenoiserServer.Name,
    "FLUX.1 denoiser: predicts the velocity of latents, step by step, over gRPC.", args, DenoiserServer.Build);
