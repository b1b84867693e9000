/* Modules, functions and launches. The device process parses the PTX; this side
 * keeps each function's parameter layout, to gather `kernelParams`. */
#include "channel.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PRINTED ((size_t)1 << 20)
#define MAX_IMAGE ((size_t)4 << 20)
#define MAX_PARAMETERS 1024
#define MAX_PARAMETER_BYTES 32764 /* the limit of PTX 8.1 and later */

enum { JIT_ERROR_LOG = 5, JIT_ERROR_LOG_SIZE = 6 };
enum { EXTRA_END = 0, EXTRA_BUFFER = 1, EXTRA_SIZE = 2 };

struct parameter {
    uint32_t offset, size;
};

struct function {
    struct function *next;
    uint64_t id;
    CUmodule module;
    uint32_t count;
    struct parameter parameters[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct function *functions;

static int is_function(CUfunction function)
{
    struct function *at;
    pthread_mutex_lock(&lock);
    for (at = functions; at && at != function; at = at->next)
        ;
    pthread_mutex_unlock(&lock);
    return function && at;
}

/* An image carries no length: text ends at its NUL, and of a binary, which this
 * device can't run, the first bytes are enough to say so. */
static size_t image_length(const char *image)
{
    static const char elf[4] = {0x7f, 'E', 'L', 'F'}, fatbin[4] = {0x50, (char)0xed, 0x55,
                                                                   (char)0xba};
    if (strnlen(image, 4) == 4 && (!memcmp(image, elf, 4) || !memcmp(image, fatbin, 4)))
        return 4;
    return strnlen(image, MAX_IMAGE + 1);
}

static void write_log(const char *text, unsigned count, const int *options, void **values)
{
    char *log = NULL;
    size_t size = 0;
    for (unsigned i = 0; options && values && i < count; i++) {
        if (options[i] == JIT_ERROR_LOG)
            log = values[i];
        if (options[i] == JIT_ERROR_LOG_SIZE)
            size = (uintptr_t)values[i];
    }
    if (log && size)
        snprintf(log, size, "%s", text);
}

EXPORT CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count,
                                   int *options, void **values)
{
    char reply[512] = {0};
    size_t length = 0;
    if (!module || !image)
        return CUDA_ERROR_INVALID_VALUE;
    size_t size = image_length(image);
    if (size > MAX_IMAGE)
        return device_unsupported("cuModuleLoadDataEx with more than 4 MiB of PTX");
    CUresult result = device_call(OP_MODULE_LOAD, NULL, 0, image, size, reply,
                                  sizeof reply - 1, &length);
    if (result == CUDA_SUCCESS && length != sizeof *module)
        return CUDA_ERROR_UNKNOWN;
    if (result == CUDA_SUCCESS)
        memcpy(module, reply, sizeof *module);
    else
        write_log(reply, count, options, values);
    return result;
}

EXPORT CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

EXPORT CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
    return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

EXPORT CUresult cuModuleUnload(CUmodule module)
{
    CUresult result = device_tell(OP_MODULE_UNLOAD, &module, sizeof module);
    if (result != CUDA_SUCCESS)
        return result;
    pthread_mutex_lock(&lock);
    for (struct function **at = &functions; *at;) {
        struct function *function = *at;
        if (function->module == module) {
            *at = function->next;
            free(function);
        } else {
            at = &function->next;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* The same function of the same module keeps its handle, as on a GPU. */
static CUfunction keep(CUmodule module, uint64_t id, uint32_t count,
                       const struct parameter *parameters)
{
    struct function *at;
    pthread_mutex_lock(&lock);
    for (at = functions; at && at->id != id; at = at->next)
        ;
    if (!at && (at = malloc(sizeof *at + count * sizeof *parameters))) {
        at->id = id;
        at->module = module;
        at->count = count;
        memcpy(at->parameters, parameters, count * sizeof *parameters);
        at->next = functions;
        functions = at;
    }
    pthread_mutex_unlock(&lock);
    return at;
}

EXPORT CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    struct {
        uint64_t id;
        struct parameter parameters[MAX_PARAMETERS];
    } reply;
    size_t length = 0;
    if (!function || !name)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = device_call(OP_MODULE_FUNCTION, &module, sizeof module, name,
                                  strlen(name), &reply, sizeof reply, &length);
    if (result != CUDA_SUCCESS)
        return result;
    if (length < sizeof reply.id || length > sizeof reply)
        return CUDA_ERROR_UNKNOWN;
    uint32_t count = (uint32_t)((length - sizeof reply.id) / sizeof(struct parameter));
    for (uint32_t i = 0; i < count; i++) {
        struct parameter *p = &reply.parameters[i];
        if (p->offset > MAX_PARAMETER_BYTES || p->size > MAX_PARAMETER_BYTES - p->offset)
            return CUDA_ERROR_UNKNOWN;
    }
    *function = keep(module, reply.id, count, reply.parameters);
    return *function ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

EXPORT CUresult cuModuleGetGlobal_v2(CUdeviceptr *pointer, size_t *size, CUmodule module,
                                     const char *name)
{
    uint64_t both[2];
    size_t length = 0;
    if (!name)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = device_call(OP_MODULE_GLOBAL, &module, sizeof module, name, strlen(name),
                                  both, sizeof both, &length);
    if (result == CUDA_SUCCESS && length != sizeof both)
        return CUDA_ERROR_UNKNOWN;
    if (result == CUDA_SUCCESS && pointer)
        *pointer = both[0];
    if (result == CUDA_SUCCESS && size)
        *size = both[1];
    return result;
}

EXPORT CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function)
{
    struct {
        uint64_t id;
        int32_t attribute;
    } __attribute__((packed)) request;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(function))
        return CUDA_ERROR_INVALID_HANDLE;
    request.id = function->id;
    request.attribute = attribute;
    return device_ask(OP_FUNCTION_GET, &request, sizeof request, value, sizeof(int32_t));
}

EXPORT CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value)
{
    struct {
        uint64_t id;
        int32_t attribute, value;
    } request;
    if (!is_function(function))
        return CUDA_ERROR_INVALID_HANDLE;
    request.id = function->id;
    request.attribute = attribute;
    request.value = value;
    return device_tell(OP_FUNCTION_SET, &request, sizeof request);
}

/* A preference between cache and shared memory, which changes no result. */
EXPORT CUresult cuFuncSetCacheConfig(CUfunction function, int config)
{
    (void)config;
    return is_function(function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EXPORT CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset,
                                   size_t *size)
{
    if (!is_function(function))
        return CUDA_ERROR_INVALID_HANDLE;
    if (!offset || index >= function->count)
        return CUDA_ERROR_INVALID_VALUE;
    *offset = function->parameters[index].offset;
    if (size)
        *size = function->parameters[index].size;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function,
                                                            int threads, size_t shared)
{
    struct {
        uint64_t id, shared;
        int32_t threads;
    } __attribute__((packed)) request;
    if (!blocks)
        return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(function))
        return CUDA_ERROR_INVALID_HANDLE;
    request.id = function->id;
    request.shared = shared;
    request.threads = threads;
    return device_ask(OP_OCCUPANCY, &request, sizeof request, blocks, sizeof(int32_t));
}

EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks,
                                                                     CUfunction function,
                                                                     int threads, size_t shared,
                                                                     unsigned flags)
{
    (void)flags;
    return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared);
}

/* Gathers one buffer from `kernelParams`, which has one pointer a parameter. */
static CUresult gather(CUfunction function, void **values, unsigned char *buffer, size_t *size)
{
    *size = 0;
    for (uint32_t i = 0; i < function->count; i++) {
        const struct parameter *p = &function->parameters[i];
        if (!values || !values[i])
            return CUDA_ERROR_INVALID_VALUE;
        memcpy(buffer + p->offset, values[i], p->size);
        if (p->offset + p->size > *size)
            *size = p->offset + p->size;
    }
    return CUDA_SUCCESS;
}

/* `extra` is a list of key and value, the other way to pass parameters. */
static CUresult copy_extra(void **extra, unsigned char *buffer, size_t *size)
{
    const void *source = NULL;
    *size = 0;
    for (; (uintptr_t)extra[0] != EXTRA_END; extra += 2) {
        if ((uintptr_t)extra[0] == EXTRA_BUFFER)
            source = extra[1];
        else if ((uintptr_t)extra[0] == EXTRA_SIZE && extra[1])
            *size = *(size_t *)extra[1];
        else
            return CUDA_ERROR_INVALID_VALUE;
    }
    if (*size > MAX_PARAMETER_BYTES || (*size && !source))
        return CUDA_ERROR_INVALID_VALUE;
    if (*size)
        memcpy(buffer, source, *size);
    return CUDA_SUCCESS;
}

/* What kernels print is evidence. On a GPU the driver also prints it on standard output, which a
 * program that somebody looks at should do here too. */
static int prints(void)
{
    return getenv("GRADE_KERNEL_PRINTS") != NULL;
}

static void show(const char *text, size_t length)
{
    while (length) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
}

/* Which blocks form clusters, where the launch says so. Returns the number of attributes that the
 * device lacks; `first` is that of the first of them. How clusters are placed changes no result. */
static uint32_t read_attributes(const CUlaunchConfig *config, uint32_t cluster[3], int *clusters,
                                uint32_t *first)
{
    uint32_t lacking = 0;
    for (unsigned i = 0; config->attributes && i < config->attribute_count; i++) {
        const CUlaunchAttribute *at = &config->attributes[i];
        if (at->id == ATTRIBUTE_CLUSTER) {
            memcpy(cluster, at->value, 3 * sizeof *cluster);
            *clusters = 1;
        } else if (at->id != ATTRIBUTE_IGNORE && at->id != ATTRIBUTE_CLUSTER_SCHEDULING) {
            if (!lacking++)
                *first = at->id;
        }
    }
    return lacking;
}

EXPORT CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function,
                                 void **values, void **extra)
{
    unsigned char buffer[MAX_PARAMETER_BYTES];
    size_t size = 0;
    if (!config || (values && extra))
        return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(function))
        return CUDA_ERROR_INVALID_HANDLE;
    struct {
        uint64_t id, stream;
        uint32_t grid[3], block[3], shared, more[3];
    } __attribute__((packed)) request = {function->id,
                 config->stream,
                 {config->grid_x, config->grid_y, config->grid_z},
                 {config->block_x, config->block_y, config->block_z},
                 config->shared_bytes,
                 {0, 0, 0}};
    /* Either the clusters, or how many attributes the device lacks, and the first. */
    uint32_t cluster[3] = {1, 1, 1};
    int clusters = 0;
    request.more[0] = read_attributes(config, cluster, &clusters, &request.more[1]);
    clusters = clusters && !request.more[0];
    if (clusters)
        memcpy(request.more, cluster, sizeof cluster);
    size_t fields = sizeof request - (clusters ? 0 : sizeof request.more[0]);
    memset(buffer, 0, sizeof buffer);
    CUresult result =
        extra ? copy_extra(extra, buffer, &size) : gather(function, values, buffer, &size);
    if (result != CUDA_SUCCESS)
        return result;
    char *printed = prints() ? malloc(MAX_PRINTED) : NULL;
    size_t length = 0, capacity = printed ? MAX_PRINTED : 0;
    result = device_call(clusters ? OP_LAUNCH_CLUSTERS : OP_LAUNCH, &request, fields, buffer, size,
                         printed, capacity, &length);
    show(printed, length < capacity ? length : capacity);
    free(printed);
    return result;
}

EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                               unsigned grid_z, unsigned block_x, unsigned block_y,
                               unsigned block_z, unsigned shared, CUstream stream,
                               void **values, void **extra)
{
    CUlaunchConfig config = {grid_x, grid_y, grid_z, block_x, block_y,
                             block_z, shared, stream, NULL,   0};
    return cuLaunchKernelEx(&config, function, values, extra);
}
