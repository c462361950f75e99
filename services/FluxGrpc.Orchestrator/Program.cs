using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;

return await ServiceProgram.RunAsync<OrchestratorOptions>(
    OrchestratorServer.Name, "The FluxGrpc orchestrator: prompt in, PNG out.", args, OrchestratorServer.Build,
    OrchestratorServer.Announce);
