namespace P2PLearn.Node.Doctor;

/// <summary>The list of all checks, in the order in which they are told.</summary>
internal static class DoctorChecks
{
    public static IReadOnlyList<IDoctorCheck> All { get; } =
    [
        // Who the node is.
        new PermissionsCheck(),
        new IdentityCheck(),
        new MeshKeyCheck(),
        new ManagementCheck(),

        // What it has learned.
        new ProgressCheck(),
        new ModelCheck(),
        new BlocksCheck(),

        // What the members replicate, and its part of the distributed hash table.
        new ReplicatedCheck(),
        new DhtCheck(),

        // Whom it knows, and what happened.
        new PeersCheck(),
        new MembersCheck(),
        new EventsCheck(),

        // The folder.
        new StrayFilesCheck(),
        new DiskSpaceCheck(),
    ];
}
