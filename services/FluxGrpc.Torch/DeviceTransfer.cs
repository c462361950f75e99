using TorchSharp;

namespace FluxGrpc.Torch;

/// <summary>Copies to where is computed.</summary>
public static class DeviceTransfer
{
    /// <summary>
    /// Sends a tensor in its own type. To a GPU it goes by way of page-locked memory, which the card reads by itself: the call returns when
    /// the bytes are there, and the source may change, while they are on their way and the caller prepares the next. What the device
    /// computes with the result waits for it, and libtorch uses the memory again when the card has read it.
    /// </summary>
    /// <param name="tensor">On the CPU; of memory of any kind, mapped files too.</param>
    /// <param name="device">Where to.</param>
    /// <returns>On a CPU the same memory, else a copy; the caller disposes it.</returns>
    public static torch.Tensor Send(torch.Tensor tensor, torch.Device device)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(device);
        if (device.type == DeviceType.CPU)
            return tensor.alias();
        using var locked = tensor.pin_memory();
        return locked.to(device, non_blocking: true);
    }
}
