/* Streams and events. Every call of this driver has finished when it returns,
 * so a stream or event is a handle that is always ready. What a GPU may do at the
 * same time is for the device process to say, which is told who waits for whom. */
#include "channel.h"

static CUresult check_stream(CUstream stream)
{
    return device_tell(OP_STREAM_CHECK, &stream, sizeof stream);
}

EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
    uint32_t request = flags;
    if (!stream)
        return CUDA_ERROR_INVALID_VALUE;
    return device_ask(OP_STREAM_CREATE, &request, sizeof request, stream, sizeof *stream);
}

EXPORT CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
    (void)priority;
    return cuStreamCreate(stream, flags);
}

EXPORT CUresult cuStreamDestroy(CUstream stream)
{
    return device_tell(OP_STREAM_DESTROY, &stream, sizeof stream);
}

EXPORT CUresult cuStreamDestroy_v2(CUstream stream)
{
    return cuStreamDestroy(stream);
}

EXPORT CUresult cuStreamSynchronize(CUstream stream)
{
    return device_tell(OP_STREAM_SYNCHRONIZE, &stream, sizeof stream);
}

/* The answer is that all is done, and who has it may rely on that. */
EXPORT CUresult cuStreamQuery(CUstream stream)
{
    return cuStreamSynchronize(stream);
}

EXPORT CUresult cuStreamGetPriority(CUstream stream, int *priority)
{
    if (!priority)
        return CUDA_ERROR_INVALID_VALUE;
    *priority = 0;
    return check_stream(stream);
}

EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    uint64_t request[2] = {stream, event};
    (void)flags;
    return device_tell(OP_STREAM_WAIT, request, sizeof request);
}

/* Capture can't begin on this device, so no stream is ever capturing. */
EXPORT CUresult cuStreamIsCapturing(CUstream stream, int *capture_status)
{
    if (!capture_status)
        return CUDA_ERROR_INVALID_VALUE;
    *capture_status = 0;
    return check_stream(stream);
}

EXPORT CUresult cuStreamGetCaptureInfo_v2(CUstream stream, int *capture_status, uint64_t *id,
                                          void **graph, const void ***nodes, size_t *count)
{
    if (id)
        *id = 0;
    if (graph)
        *graph = NULL;
    if (nodes)
        *nodes = NULL;
    if (count)
        *count = 0;
    return cuStreamIsCapturing(stream, capture_status);
}

EXPORT CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    uint32_t request = flags;
    if (!event)
        return CUDA_ERROR_INVALID_VALUE;
    return device_ask(OP_EVENT_CREATE, &request, sizeof request, event, sizeof *event);
}

EXPORT CUresult cuEventDestroy(CUevent event)
{
    return device_tell(OP_EVENT_DESTROY, &event, sizeof event);
}

EXPORT CUresult cuEventDestroy_v2(CUevent event)
{
    return cuEventDestroy(event);
}

EXPORT CUresult cuEventRecord(CUevent event, CUstream stream)
{
    uint64_t request[2] = {event, stream};
    return device_tell(OP_EVENT_RECORD, request, sizeof request);
}

EXPORT CUresult cuEventSynchronize(CUevent event)
{
    return device_tell(OP_EVENT_SYNCHRONIZE, &event, sizeof event);
}

EXPORT CUresult cuEventQuery(CUevent event)
{
    return cuEventSynchronize(event);
}

EXPORT CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    uint64_t request[2] = {start, end};
    if (!milliseconds)
        return CUDA_ERROR_INVALID_VALUE;
    return device_ask(OP_EVENT_ELAPSED, request, sizeof request, milliseconds,
                      sizeof *milliseconds);
}

/* The stream has nothing left to do, so its turn has come. The function may tell
 * another thread of the host that it came so far. */
EXPORT CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *), void *data)
{
    if (!function)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = check_stream(stream);
    if (result == CUDA_SUCCESS)
        result = device_order_unsure("a stream calls a function of the host (cuLaunchHostFunc)");
    if (result == CUDA_SUCCESS)
        function(data);
    return result;
}
