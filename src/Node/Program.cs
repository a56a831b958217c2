using P2PLearn.Node.Commands;

return await CommandLine.RunAsync(args);
