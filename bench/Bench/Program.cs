using P2PLearn.Bench;

// One command per figure: dotnet run --project bench/Bench -c Release -- mlp
string[] rest = [.. args.Skip(1)];
Func<string[], Task>? run = args.FirstOrDefault() switch
{
    "mlp" => MlpStep.RunAsync,
    "nna" => NnaBench.RunAsync,
    "aggregators" => AggregatorTable.RunAsync,
    "aggregator-benchmarks" => _ => Task.Run(AggregatorBenchmarks.Run),
    "simulate" => SimulateCommand.RunAsync,
    "yamux" => YamuxThroughput.RunAsync,
    "rpc" => RpcThroughput.RunAsync,
    "grpc" => GrpcThroughput.RunAsync,
    "swarm" => SwarmThroughput.RunAsync,
    "relay" => RelayThroughput.RunAsync,
    "dht" => DhtCommand.RunAsync,
    "blocks" => BlockSpread.RunAsync,
    "hot-paths" => _ => Task.Run(HotPaths.Run),
    _ => null,
};
if (run is null)
{
    Console.Error.WriteLine("bench: give one of mlp, nna, aggregators, aggregator-benchmarks, simulate, yamux, rpc, grpc, swarm, relay, dht, blocks, hot-paths");
    return 2;
}

await run(rest);
return 0;
