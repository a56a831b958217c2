using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Torch;

/// <summary>
/// The functions of the stable C ABI that suffice; each returns 0, or 1 after a C++ exception whose message is lost.
/// </summary>
/// <remarks>
/// Source: PyTorch 2.10, torch/csrc/inductor/aoti_torch/c/shim.h and torch/csrc/stable/c/shim.h. Handles are
/// <c>at::Tensor*</c>. Only <see cref="TorchScope"/>, <see cref="TorchOps"/> and <see cref="ParameterBlock"/> call
/// these.
/// </remarks>
internal static unsafe partial class TorchNative
{
    public const string Library = "torch_cpu";

    [LibraryImport(Library, EntryPoint = "aoti_torch_create_tensor_from_blob")]
    public static partial int CreateTensorFromBlob(
        void* data, long rank, long* sizes, long* strides, long offset, int dtype, int deviceType, int deviceIndex,
        out nint tensor);

    [LibraryImport(Library, EntryPoint = "aoti_torch_delete_tensor_object")]
    public static partial int DeleteTensor(nint tensor);

    [LibraryImport(Library, EntryPoint = "aoti_torch_new_tensor_handle")]
    public static partial int DuplicateTensor(nint tensor, out nint duplicate);

    [LibraryImport(Library, EntryPoint = "aoti_torch_assign_tensors")]
    public static partial int AssignTensor(nint source, nint destination);

    [LibraryImport(Library, EntryPoint = "aoti_torch_get_data_ptr")]
    public static partial int GetDataPointer(nint tensor, out float* data);

    [LibraryImport(Library, EntryPoint = "aoti_torch_item_float32")]
    public static partial int GetItem(nint tensor, out float value);

    [LibraryImport(Library, EntryPoint = "aoti_torch_grad_mode_is_enabled")]
    public static partial byte IsGradModeEnabled();

    [LibraryImport(Library, EntryPoint = "aoti_torch_grad_mode_set_enabled")]
    public static partial void SetGradMode(byte enabled);

    [LibraryImport(Library, EntryPoint = "torch_set_requires_grad")]
    public static partial int SetRequiresGrad(nint tensor, byte requiresGrad);

    [LibraryImport(Library, EntryPoint = "torch_call_dispatcher")]
    public static partial int CallDispatcher(byte* operation, byte* overload, ulong* stack, ulong abiVersion);

    [LibraryImport(Library, EntryPoint = "aoti_torch_aten_subtract_Tensor")]
    public static partial int Subtract(nint minuend, nint subtrahend, double factor, out nint difference);

    [LibraryImport(Library, EntryPoint = "torch_new_list_reserve_size")]
    public static partial int NewList(nuint capacity, out nint list);

    [LibraryImport(Library, EntryPoint = "torch_list_push_back")]
    public static partial int PushBack(nint list, ulong value);
}
