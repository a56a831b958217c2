namespace P2PLearn.Node.Doctor;

/// <summary>Looks at one part of a data directory, and can put it right.</summary>
internal interface IDoctorCheck
{
    /// <summary>What it looks at: the file's name, or a word.</summary>
    string Name { get; }

    /// <summary>Looks. A second look after a repair finds nothing wrong.</summary>
    /// <param name="context">The directory, which is the doctor's alone.</param>
    /// <param name="repair">Put right what can be; else nothing is changed.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <exception cref="IOException">The disk refuses; so do <see cref="UnauthorizedAccessException"/> and <see cref="UserErrorException"/>.</exception>
    Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken);
}
