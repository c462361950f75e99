using FluxGrpc.Cli;

return await CommandLine.RunAsync(args, new Terminal());
