namespace P2PLearn.NatLab.Tests;

/// <summary>A host or router of a laboratory.</summary>
/// <param name="Name">As the script calls it: <c>relay</c>, <c>a1</c>, <c>natA</c>.</param>
/// <param name="Address">Its IPv4 address; a router's is the outer one.</param>
/// <param name="Namespace">Its network namespace.</param>
/// <param name="Kind">public, lan, router or carrier.</param>
/// <param name="Address6">Its global IPv6 address; null in a laboratory without.</param>
public sealed record LabHost(string Name, string Address, string Namespace, string Kind, string? Address6)
{
    public static LabHost Parse(string line) =>
        line.Split(' ') is [string name, string address, string space, string kind, string address6]
            ? new LabHost(name, address, space, kind, address6 == "-" ? null : address6)
            : throw new FormatException($"not a host: {line}");
}
