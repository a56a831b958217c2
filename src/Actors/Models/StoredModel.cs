using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Models;

/// <summary>Where a model comes from.</summary>
/// <param name="Run">The run, 32 bytes; zeros for none.</param>
/// <param name="Round">The round that it is the result of; 0 for none.</param>
/// <param name="Parents">Roots of the models that it was made from, ascending by their bytes.</param>
public sealed record ModelOrigin(ReadOnlyMemory<byte> Run, uint Round, IReadOnlyList<Cid> Parents)
{
    /// <summary>Of no run: a model that somebody brought.</summary>
    public static ModelOrigin None { get; } = new(new byte[BlockManifest.HashBytes], 0, []);
}

/// <summary>A model whose manifest and layout are here and checked.</summary>
/// <param name="Root">CID of the manifest: the model's name.</param>
/// <param name="Signed">The manifest, and who signed it.</param>
/// <param name="Layout">Names and shapes; its hash is the manifest's, its float32 size the manifest's total.</param>
public sealed record StoredModel(Cid Root, SignedManifest Signed, ModelLayout Layout)
{
    /// <summary>The manifest.</summary>
    public BlockManifest Manifest => Signed.Manifest;

    /// <summary>Who signed it.</summary>
    public PeerId Maker => Signed.Maker;
}

/// <summary>Why a model is kept; part of the name of its pin.</summary>
public enum ModelKeep
{
    /// <summary>A checkpoint that this node made of its own model.</summary>
    Checkpoint,

    /// <summary>A checkpoint of another member, which this node joined a run with; kept until it has made checkpoints of its own.</summary>
    Joined,

    /// <summary>Fetched from others by this node's operator.</summary>
    Pulled,

    /// <summary>Brought in from a file by this node's operator.</summary>
    Pushed,
}
