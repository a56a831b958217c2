using Xunit.v3;

// Each test brings up networks and processes of its own: one at a time is enough for a machine with two cores.
[assembly: Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
