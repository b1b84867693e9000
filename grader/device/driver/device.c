/* Initialisation, the device's properties, contexts. There is one device. */
#include "channel.h"

#include <stdlib.h>
#include <string.h>

/* MAX 26.5 asks for CUDA 13.0 or later, or for an external ptxas. */
#define DRIVER_VERSION 13000
#define CONTEXT_DEPTH 64

enum { PRIMARY, CREATED };

/* Contexts carry no state of their own: all of it is the device process's. */
struct context {
    int kind;
};

static struct context primary = {PRIMARY};
static _Thread_local CUcontext stack[CONTEXT_DEPTH];
static _Thread_local int depth;

static CUresult check_device(CUdevice device)
{
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

static CUresult status(void)
{
    return device_tell(OP_STATUS, NULL, 0);
}

EXPORT CUresult cuInit(unsigned flags)
{
    return flags ? CUDA_ERROR_INVALID_VALUE : status();
}

EXPORT CUresult cuDriverGetVersion(int *version)
{
    if (!version)
        return CUDA_ERROR_INVALID_VALUE;
    *version = DRIVER_VERSION;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGetCount(int *count)
{
    if (!count)
        return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    if (!device)
        return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0)
        return CUDA_ERROR_INVALID_DEVICE;
    *device = 0;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
    char text[128] = {0};
    size_t length = 0;
    if (!name || size <= 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (check_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    CUresult result =
        device_call(OP_DEVICE_NAME, NULL, 0, NULL, 0, text, sizeof text - 1, &length);
    if (result == CUDA_SUCCESS) {
        strncpy(name, text, (size_t)size - 1);
        name[size - 1] = '\0';
    }
    return result;
}

EXPORT CUresult cuDeviceGetUuid(void *uuid, CUdevice device)
{
    static const char bytes[17] = "grade-softdevice";
    if (!uuid)
        return CUDA_ERROR_INVALID_VALUE;
    memcpy(uuid, bytes, 16);
    return check_device(device);
}

EXPORT CUresult cuDeviceGetUuid_v2(void *uuid, CUdevice device)
{
    return cuDeviceGetUuid(uuid, device);
}

EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
    uint64_t free_total[2];
    if (!bytes)
        return CUDA_ERROR_INVALID_VALUE;
    if (check_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    CUresult result = device_ask(OP_MEM_INFO, NULL, 0, free_total, sizeof free_total);
    if (result == CUDA_SUCCESS)
        *bytes = free_total[1];
    return result;
}

EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
    int32_t request = attribute;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    if (check_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    return device_ask(OP_DEVICE_ATTRIBUTE, &request, sizeof request, value, sizeof(int32_t));
}

/* A device is not its own peer (as on a GPU), and there is no other one. */
EXPORT CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
    if (!can)
        return CUDA_ERROR_INVALID_VALUE;
    *can = 0;
    return check_device(device) ? CUDA_ERROR_INVALID_DEVICE : check_device(peer);
}

EXPORT CUresult cuDeviceGetP2PAttribute(int *value, int attribute, CUdevice a, CUdevice b)
{
    (void)attribute, (void)a, (void)b;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    return CUDA_ERROR_INVALID_DEVICE;
}

EXPORT CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device)
{
    if (!pool)
        return CUDA_ERROR_INVALID_VALUE;
    *pool = 1;
    return check_device(device);
}

/* Pools hold nothing back: an allocation is freed when it is freed. */
EXPORT CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t keep)
{
    (void)pool, (void)keep;
    return status();
}

EXPORT CUresult cuDeviceGetGraphMemAttribute(CUdevice device, int attribute, void *value)
{
    (void)attribute;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    memset(value, 0, sizeof(uint64_t));
    return check_device(device);
}

EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    if (!context)
        return CUDA_ERROR_INVALID_VALUE;
    *context = &primary;
    return check_device(device);
}

EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    return check_device(device);
}

EXPORT CUresult cuDevicePrimaryCtxRelease(CUdevice device)
{
    return check_device(device);
}

EXPORT CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
    if (!flags || !active)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = 0;
    *active = 1;
    return check_device(device);
}

EXPORT CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
    (void)flags;
    if (!context)
        return CUDA_ERROR_INVALID_VALUE;
    if (check_device(device))
        return CUDA_ERROR_INVALID_DEVICE;
    if (depth == CONTEXT_DEPTH)
        return CUDA_ERROR_OUT_OF_MEMORY;
    CUcontext made = malloc(sizeof *made);
    if (!made)
        return CUDA_ERROR_OUT_OF_MEMORY;
    made->kind = CREATED;
    *context = stack[depth++] = made;
    return device_order_unsure("the program makes a context of its own (cuCtxCreate)");
}

/* The small block is kept: another thread may still have the handle current. */
EXPORT CUresult cuCtxDestroy(CUcontext context)
{
    if (!context || context == &primary)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (depth > 0 && stack[depth - 1] == context)
        depth--;
    return status();
}

EXPORT CUresult cuCtxDestroy_v2(CUcontext context)
{
    return cuCtxDestroy(context);
}

EXPORT CUresult cuCtxPushCurrent(CUcontext context)
{
    if (!context)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (depth == CONTEXT_DEPTH)
        return CUDA_ERROR_OUT_OF_MEMORY;
    stack[depth++] = context;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    return cuCtxPushCurrent(context);
}

EXPORT CUresult cuCtxPopCurrent(CUcontext *context)
{
    if (depth == 0)
        return CUDA_ERROR_INVALID_CONTEXT;
    depth--;
    if (context)
        *context = stack[depth];
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
    return cuCtxPopCurrent(context);
}

EXPORT CUresult cuCtxSetCurrent(CUcontext context)
{
    if (depth > 0)
        depth--;
    if (context)
        stack[depth++] = context;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxGetCurrent(CUcontext *context)
{
    if (!context)
        return CUDA_ERROR_INVALID_VALUE;
    *context = depth > 0 ? stack[depth - 1] : NULL;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxGetDevice(CUdevice *device)
{
    if (!device)
        return CUDA_ERROR_INVALID_VALUE;
    if (depth == 0)
        return CUDA_ERROR_INVALID_CONTEXT;
    *device = 0;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxSynchronize(void)
{
    return device_tell(OP_CONTEXT_SYNCHRONIZE, NULL, 0);
}

EXPORT CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    if (least)
        *least = 0;
    if (greatest)
        *greatest = 0;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    (void)peer, (void)flags;
    return CUDA_ERROR_INVALID_DEVICE;
}
