/* Device memory, copies and fills. Asynchronous forms finish at once; the device
 * process is told of their streams, and of whether the host may rely on the end. */
#include "channel.h"
#include "hostmem.h"

#include <string.h>

enum { POINTER_CONTEXT = 1, POINTER_TYPE = 2, POINTER_DEVICE = 3, POINTER_HOST = 4,
       POINTER_MANAGED = 8, POINTER_ORDINAL = 9, POINTER_START = 11, POINTER_SIZE = 12,
       POINTER_MAPPED = 13 };

#define MAX_COPY ((size_t)64 << 20) /* of one request; a longer copy is several */

EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);

EXPORT CUresult cuMemGetInfo_v2(size_t *available, size_t *total)
{
    uint64_t both[2];
    CUresult result = device_ask(OP_MEM_INFO, NULL, 0, both, sizeof both);
    if (result == CUDA_SUCCESS && available)
        *available = both[0];
    if (result == CUDA_SUCCESS && total)
        *total = both[1];
    return result;
}

EXPORT CUresult cuMemAllocAsync(CUdeviceptr *pointer, size_t size, CUstream stream)
{
    uint64_t request[2] = {size, stream};
    if (!pointer)
        return CUDA_ERROR_INVALID_VALUE;
    return device_ask(OP_MEM_ALLOC, request, sizeof request, pointer, sizeof *pointer);
}

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *pointer, size_t size)
{
    return cuMemAllocAsync(pointer, size, NOT_ORDERED);
}

EXPORT CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream)
{
    uint64_t request[2] = {pointer, stream};
    return device_tell(OP_MEM_FREE, request, sizeof request);
}

EXPORT CUresult cuMemFree_v2(CUdeviceptr pointer)
{
    return cuMemFreeAsync(pointer, NOT_ORDERED);
}

EXPORT CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *size, CUdeviceptr pointer)
{
    uint64_t both[2];
    CUresult result = device_ask(OP_MEM_RANGE, &pointer, sizeof pointer, both, sizeof both);
    if (result == CUDA_SUCCESS && base)
        *base = both[0];
    if (result == CUDA_SUCCESS && size)
        *size = both[1];
    return result;
}

/* The granularity of an A100; mapping itself is not supported. */
EXPORT CUresult cuMemGetAllocationGranularity(size_t *size, const void *property, int option)
{
    (void)property, (void)option;
    if (!size)
        return CUDA_ERROR_INVALID_VALUE;
    *size = (size_t)2 << 20;
    return CUDA_SUCCESS;
}

static CUresult pointer_attribute(void *value, int attribute, int known, uint64_t base,
                                  uint64_t size, CUdeviceptr pointer)
{
    switch (attribute) {
    case POINTER_CONTEXT:
        *(CUcontext *)value = NULL;
        return known ? cuDevicePrimaryCtxRetain(value, 0) : CUDA_SUCCESS;
    case POINTER_TYPE: /* CU_MEMORYTYPE_DEVICE, or 0 for memory that CUDA does not know */
        *(unsigned *)value = known ? 2 : 0;
        return CUDA_SUCCESS;
    case POINTER_DEVICE:
        *(CUdeviceptr *)value = known ? pointer : 0;
        return CUDA_SUCCESS;
    case POINTER_HOST:
        *(void **)value = NULL;
        return CUDA_SUCCESS;
    case POINTER_MANAGED:
        *(unsigned *)value = 0;
        return CUDA_SUCCESS;
    case POINTER_ORDINAL:
        *(int *)value = known ? 0 : -2;
        return CUDA_SUCCESS;
    case POINTER_START:
        *(CUdeviceptr *)value = base;
        return CUDA_SUCCESS;
    case POINTER_SIZE:
        *(size_t *)value = size;
        return CUDA_SUCCESS;
    case POINTER_MAPPED:
        *(unsigned *)value = known ? 1 : 0;
        return CUDA_SUCCESS;
    default:
        return device_unsupported("cuPointerGetAttributes with an attribute of another number");
    }
}

/* A pointer that the device does not know is no error here, as on a GPU. */
EXPORT CUresult cuPointerGetAttributes(unsigned count, int *attributes, void **values,
                                       CUdeviceptr pointer)
{
    uint64_t both[2] = {0, 0};
    if (!attributes || !values)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = device_ask(OP_MEM_RANGE, &pointer, sizeof pointer, both, sizeof both);
    int known = result == CUDA_SUCCESS;
    if (!known && result != CUDA_ERROR_INVALID_VALUE)
        return result;
    result = CUDA_SUCCESS;
    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; i++)
        result = pointer_attribute(values[i], attributes[i], known, both[0], both[1], pointer);
    return result;
}

EXPORT CUresult cuPointerGetAttribute(void *value, int attribute, CUdeviceptr pointer)
{
    uint64_t both[2] = {0, 0};
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = device_ask(OP_MEM_RANGE, &pointer, sizeof pointer, both, sizeof both);
    if (result != CUDA_SUCCESS)
        return result;
    return pointer_attribute(value, attribute, 1, both[0], both[1], pointer);
}

/* The one attribute that can be set asks for synchronous copies: they are. */
EXPORT CUresult cuPointerSetAttribute(const void *value, int attribute, CUdeviceptr pointer)
{
    (void)attribute;
    return value ? cuMemGetAddressRange_v2(NULL, NULL, pointer) : CUDA_ERROR_INVALID_VALUE;
}

/* Of a copy between host and device, after its addresses. */
struct order {
    uint64_t stream;
    uint64_t pinned; /* the host's address, or 0 where its pages are not pinned */
    uint32_t waits;  /* whether the host knows that the copy is over */
} __attribute__((packed));

static struct order order_of(const void *host, size_t size, CUstream stream, int waits)
{
    struct order order = {stream, is_pinned(host, size) ? (uintptr_t)host : 0, (uint32_t)waits};
    return order;
}

static CUresult to_device(CUdeviceptr target, const void *source, size_t size, CUstream stream,
                          int waits)
{
    CUresult result = CUDA_SUCCESS;
    size_t done = 0;
    if (!source && size)
        return CUDA_ERROR_INVALID_VALUE;
    do {
        const char *from = (const char *)source + done;
        size_t part = size - done < MAX_COPY ? size - done : MAX_COPY;
        struct {
            uint64_t target;
            struct order order;
        } __attribute__((packed))
        request = {target + done, order_of(from, part, stream, waits)};
        result = device_call(OP_COPY_TO_DEVICE, &request, sizeof request, from, part, NULL, 0,
                             NULL);
        done += part;
    } while (result == CUDA_SUCCESS && done < size);
    return result;
}

EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr target, const void *source, size_t size)
{
    return to_device(target, source, size, LEGACY_STREAM, 1);
}

EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t size,
                                     CUstream stream)
{
    return to_device(target, source, size, stream, 0);
}

static CUresult to_host(void *target, CUdeviceptr source, size_t size, CUstream stream, int waits)
{
    CUresult result = CUDA_SUCCESS;
    size_t done = 0;
    if (!target && size)
        return CUDA_ERROR_INVALID_VALUE;
    do {
        char *to = (char *)target + done;
        size_t part = size - done < MAX_COPY ? size - done : MAX_COPY;
        struct {
            uint64_t source, size;
            struct order order;
        } __attribute__((packed))
        request = {source + done, part, order_of(to, part, stream, waits)};
        result = device_ask(OP_COPY_TO_HOST, &request, sizeof request, to, part);
        done += part;
    } while (result == CUDA_SUCCESS && done < size);
    return result;
}

EXPORT CUresult cuMemcpyDtoH_v2(void *target, CUdeviceptr source, size_t size)
{
    return to_host(target, source, size, LEGACY_STREAM, 1);
}

/* "For transfers from device memory to pageable host memory, the function will return
 * only once the copy has completed" (CUDA 11, API synchronization behavior). Later
 * manuals say that it might; MAX relies on it. */
EXPORT CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t size,
                                     CUstream stream)
{
    return to_host(target, source, size, stream, !is_pinned(target, size));
}

EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t size,
                                     CUstream stream)
{
    uint64_t request[4] = {target, source, size, stream};
    return device_tell(OP_COPY_ON_DEVICE, request, sizeof request);
}

EXPORT CUresult cuMemcpyDtoD_v2(CUdeviceptr target, CUdeviceptr source, size_t size)
{
    return cuMemcpyDtoDAsync_v2(target, source, size, LEGACY_STREAM);
}

EXPORT CUresult cuMemcpyPeer(CUdeviceptr target, CUcontext target_context, CUdeviceptr source,
                             CUcontext source_context, size_t size)
{
    (void)target_context, (void)source_context;
    return cuMemcpyDtoD_v2(target, source, size);
}

EXPORT CUresult cuMemcpyPeerAsync(CUdeviceptr target, CUcontext target_context,
                                  CUdeviceptr source, CUcontext source_context, size_t size,
                                  CUstream stream)
{
    (void)target_context, (void)source_context;
    return cuMemcpyDtoDAsync_v2(target, source, size, stream);
}

/* What the device process knows of a fill of this process's pinned memory is its place in the
 * order of the stream. */
static CUresult fill_on_host(char *target, size_t available, size_t pitch, unsigned value,
                             unsigned unit, size_t width, size_t height, CUstream stream)
{
    size_t rows = height - 1;
    if (width > available / unit || (rows && pitch < width * unit)
        || (rows && rows > (available - width * unit) / pitch) || (uintptr_t)target % unit)
        return CUDA_ERROR_INVALID_VALUE;
    uint64_t request[3] = {(uintptr_t)target, rows * pitch + width * unit, stream};
    CUresult result = device_tell(OP_MEMSET_ON_HOST, request, sizeof request);
    for (size_t row = 0; result == CUDA_SUCCESS && row < height; row++)
        for (size_t i = 0; i < width; i++)
            memcpy(target + row * pitch + i * unit, &value, unit); /* its low bytes come first */
    return result;
}

/* `width` counts elements of `unit` bytes; `pitch` counts bytes. */
static CUresult fill(CUdeviceptr target, size_t pitch, unsigned value, unsigned unit,
                     size_t width, size_t height, CUstream stream)
{
    struct {
        uint64_t target, pitch, width, height;
        uint32_t value, unit;
        uint64_t stream;
    } request = {target, pitch, width, height, value, unit, stream};
    size_t pinned = 0;
    if (width && height && pinned_after(target, &pinned))
        return fill_on_host((char *)target, pinned, pitch, value, unit, width, height, stream);
    return device_tell(OP_MEMSET, &request, sizeof request);
}

#define FILL(bits, type)                                                                      \
    EXPORT CUresult cuMemsetD##bits##_v2(CUdeviceptr target, type value, size_t count)        \
    {                                                                                         \
        return fill(target, 0, value, bits / 8, count, 1, LEGACY_STREAM);                     \
    }                                                                                         \
    EXPORT CUresult cuMemsetD##bits##Async(CUdeviceptr target, type value, size_t count,      \
                                           CUstream stream)                                   \
    {                                                                                         \
        return fill(target, 0, value, bits / 8, count, 1, stream);                            \
    }                                                                                         \
    EXPORT CUresult cuMemsetD2D##bits##_v2(CUdeviceptr target, size_t pitch, type value,      \
                                           size_t width, size_t height)                       \
    {                                                                                         \
        return fill(target, pitch, value, bits / 8, width, height, LEGACY_STREAM);            \
    }                                                                                         \
    EXPORT CUresult cuMemsetD2D##bits##Async(CUdeviceptr target, size_t pitch, type value,    \
                                             size_t width, size_t height, CUstream stream)    \
    {                                                                                         \
        return fill(target, pitch, value, bits / 8, width, height, stream);                   \
    }

FILL(8, unsigned char)
FILL(16, unsigned short)
FILL(32, unsigned)
