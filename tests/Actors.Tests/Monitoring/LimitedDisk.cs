namespace P2PLearn.Actors.Tests.Monitoring;

/// <summary>A disk with room for so many bytes: a write beyond it leaves what fits and fails, as the system's does.</summary>
internal sealed class LimitedDisk
{
    public long BytesFree { get; set; }

    public bool CanTakeBack { get; init; } = true;

    public Stream Open(string path) => new Limited(this, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite));

    private sealed class Limited(LimitedDisk disk, FileStream file) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position { get => file.Position; set => file.Position = value; }

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => file.Read(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void SetLength(long value)
        {
            if (!disk.CanTakeBack)
            {
                throw new IOException("the disk is gone");
            }

            disk.BytesFree += file.Length - value;
            file.SetLength(value);
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            int fits = (int)Math.Min(count, disk.BytesFree);
            file.Write(buffer, offset, fits);
            file.Flush();
            disk.BytesFree -= fits;
            if (fits < count)
            {
                throw new IOException("No space left on device");
            }
        }

        protected override void Dispose(bool disposing)
        {
            file.Dispose();
            base.Dispose(disposing);
        }
    }
}
