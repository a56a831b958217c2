using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace P2PLearn.Bench;

/// <summary>The measure that <see cref="RpcThroughput"/> has to beat: gRPC over TLS on loopback, between two processes, the same rows.</summary>
/// <remarks>Without protobuf: the marshallers hand over the bytes as they are, which is the best that gRPC can do.</remarks>
internal static class GrpcThroughput
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(Write, static context => context.PayloadAsReadOnlySequence().ToArray());

    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Contains(ThroughputTable.ServeArgument))
        {
            await ServeAsync();
            return;
        }

        (Process process, string ready) = await ThroughputTable.StartServerAsync("grpc");
        using (process)
        {
            await MeasureAsync(ready.Split(' ')[0], ready.Split(' ')[1]);
            process.StandardInput.Close();
            await process.WaitForExitAsync();
        }
    }

    private static void Write(byte[] payload, SerializationContext context)
    {
        context.SetPayloadLength(payload.Length);
        context.GetBufferWriter().Write(payload);
        context.Complete();
    }

    private static async Task ServeAsync()
    {
        using X509Certificate2 certificate = CreateCertificate();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(certificate);
        }));
        builder.Services.AddGrpc();
        await using WebApplication app = builder.Build();
        app.MapGrpcService<EchoService>();
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await ThroughputTable.ServeUntilClosedAsync($"{address} {certificate.GetCertHashString(HashAlgorithmName.SHA256)}");
        await app.StopAsync();
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
    }

    private static async Task MeasureAsync(string address, string certificateHash)
    {
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    certificate?.GetCertHashString(HashAlgorithmName.SHA256) == certificateHash, // the one just made, and no other
            },
        };
        using GrpcChannel channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler });
        CallInvoker invoker = channel.CreateCallInvoker();
        await ThroughputTable.MeasureAsync(
            async request =>
            {
                using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(EchoBase.EchoMethod, null, default, request);
                await call.ResponseAsync;
            },
            async () =>
            {
                using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(EchoBase.AllocatedMethod, null, default, []);
                return BitConverter.ToInt64(await call.ResponseAsync);
            });
    }

    /// <summary>What a generated base class would be: the framework looks for its virtual methods by name.</summary>
    [BindServiceMethod(typeof(EchoBase), nameof(Bind))]
    internal abstract class EchoBase
    {
        public static readonly Method<byte[], byte[]> EchoMethod = new(MethodType.Unary, "bench", nameof(Echo), Bytes, Bytes);
        public static readonly Method<byte[], byte[]> AllocatedMethod = new(MethodType.Unary, "bench", nameof(Allocated), Bytes, Bytes);

        public static void Bind(ServiceBinderBase binder, EchoBase? service)
        {
            binder.AddMethod(EchoMethod, new UnaryServerMethod<byte[], byte[]>((request, context) => service!.Echo(request, context)));
            binder.AddMethod(AllocatedMethod, new UnaryServerMethod<byte[], byte[]>((request, context) => service!.Allocated(request, context)));
        }

        public abstract Task<byte[]> Echo(byte[] request, ServerCallContext context);

        public abstract Task<byte[]> Allocated(byte[] request, ServerCallContext context);
    }

    /// <summary>The answering side.</summary>
    internal sealed class EchoService : EchoBase
    {
        public override Task<byte[]> Echo(byte[] request, ServerCallContext context) => Task.FromResult(request);

        public override Task<byte[]> Allocated(byte[] request, ServerCallContext context) =>
            Task.FromResult(BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true)));
    }
}
