using System.Text;
using P2PLearn.Networking.Files;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>The peers once seen as members, newest first, bounded, kept in a file when there is one.</summary>
/// <remarks>Safe for several threads. A file that cannot be read counts as empty; a line that is no peer id is skipped.</remarks>
internal sealed class KnownMembers
{
    private readonly Lock _gate = new();
    private readonly List<PeerId> _peers = [];
    private readonly string? _file;
    private readonly int _max;

    public KnownMembers(string? file, int max)
    {
        _file = file;
        _max = max;
        if (file is not null && File.Exists(file))
        {
            foreach (string line in File.ReadLines(file).Take(max))
            {
                if (PeerId.TryParse(line.Trim(), out PeerId? peer))
                {
                    _peers.Add(peer);
                }
            }
        }
    }

    /// <summary>A copy.</summary>
    public IReadOnlyList<PeerId> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _peers];
            }
        }
    }

    /// <summary>Remembers peers; writes the file when one of them is new.</summary>
    public void Add(IEnumerable<PeerId> peers)
    {
        lock (_gate)
        {
            PeerId[] fresh = [.. peers.Where(peer => !_peers.Contains(peer))];
            if (fresh.Length == 0)
            {
                return;
            }

            _peers.InsertRange(0, fresh);
            _peers.RemoveRange(Math.Min(_max, _peers.Count), Math.Max(0, _peers.Count - _max));
            Save();
        }
    }

    private void Save()
    {
        if (_file is not null)
        {
            string lines = string.Concat(_peers.Select(peer => peer + "\n"));
            DurableFile.Replace(_file, Encoding.ASCII.GetBytes(lines), ownerOnly: true);
        }
    }
}
