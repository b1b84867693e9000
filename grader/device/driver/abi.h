/* The part of the CUDA driver's binary interface that MAX uses.
 *
 * Types and layouts follow the CUDA Driver API reference manual (12.x). Handles
 * are opaque to the caller, so each is a plain pointer or number here. */
#ifndef GRADE_ABI_H
#define GRADE_ABI_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef uint64_t CUstream;
typedef uint64_t CUevent;
typedef uint64_t CUmodule;
typedef uint64_t CUmemoryPool;
typedef struct context *CUcontext;
typedef struct function *CUfunction;

enum {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_INVALID_VALUE = 1,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101,
    CUDA_ERROR_INVALID_IMAGE = 200,
    CUDA_ERROR_INVALID_CONTEXT = 201,
    CUDA_ERROR_INVALID_HANDLE = 400,
    CUDA_ERROR_NOT_SUPPORTED = 801,
    CUDA_ERROR_UNKNOWN = 999,
};

/* CU_STREAM_DEFAULT, of calls that name no stream. */
#define LEGACY_STREAM ((CUstream)0)
/* For the device process, in the place of a stream: the call is not ordered by one. */
#define NOT_ORDERED (~(CUstream)0)

enum { ATTRIBUTE_IGNORE = 0, ATTRIBUTE_CLUSTER = 4, ATTRIBUTE_CLUSTER_SCHEDULING = 5 };

typedef struct {
    unsigned id;
    unsigned padding;
    unsigned value[16];
} CUlaunchAttribute;

typedef struct {
    unsigned grid_x, grid_y, grid_z;
    unsigned block_x, block_y, block_z;
    unsigned shared_bytes;
    CUstream stream;
    const CUlaunchAttribute *attributes;
    unsigned attribute_count;
} CUlaunchConfig;

#endif
