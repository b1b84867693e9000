/* One request and one reply at a time over the socket to the device process. */
#ifndef GRADE_CHANNEL_H
#define GRADE_CHANNEL_H

#include "abi.h"

enum op {
#define OP(name, number) OP_##name = number,
#include "ops.def"
#undef OP
};

/* The protocol's version; grader.device.wire.VERSION. */
#define PROTOCOL_VERSION 2u

/* Send `fixed` then `tail`, wait for the answer, put at most `capacity` bytes
 * of it in `reply` and the true length in `*length` (may be NULL).
 *
 * Returns the device's CUresult; CUDA_ERROR_NO_DEVICE where there is no device
 * process, CUDA_ERROR_UNKNOWN once the connection is lost. Thread-safe. */
CUresult device_call(enum op op, const void *fixed, size_t fixed_size, const void *tail,
                     size_t tail_size, void *reply, size_t capacity, size_t *length);

/* As device_call, for a reply of exactly `size` bytes. */
CUresult device_ask(enum op op, const void *request, size_t request_size, void *reply,
                    size_t size);

/* As device_call, with no answer beyond the result. */
CUresult device_tell(enum op op, const void *request, size_t request_size);

/* Tell the device process that from now on it can't know what waits for what. */
CUresult device_order_unsure(const char *why);

/* Tell the device process that `name` was called, which it does not have. */
CUresult device_unsupported(const char *name);

#endif
