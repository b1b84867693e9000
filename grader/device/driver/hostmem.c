/* Pinned host memory: ordinary pages of this process, since kernels can't reach
 * them here. MAX reserves over a gigabyte and touches little of it, so pages
 * are mapped without a reservation. */
#include "channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

struct block {
    struct block *next;
    void *start;
    size_t size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;

EXPORT CUresult cuMemHostAlloc(void **pointer, size_t size, unsigned flags)
{
    (void)flags;
    if (!pointer || size == 0)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = device_tell(OP_STATUS, NULL, 0);
    if (result != CUDA_SUCCESS)
        return result;
    struct block *block = malloc(sizeof *block);
    if (!block)
        return CUDA_ERROR_OUT_OF_MEMORY;
    block->size = size;
    block->start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block->start == MAP_FAILED) {
        free(block);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *pointer = block->start;
    pthread_mutex_lock(&lock);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

EXPORT CUresult cuMemAllocHost_v2(void **pointer, size_t size)
{
    return cuMemHostAlloc(pointer, size, 0);
}

EXPORT CUresult cuMemFreeHost(void *pointer)
{
    struct block *found = NULL;
    pthread_mutex_lock(&lock);
    for (struct block **at = &blocks; *at; at = &(*at)->next) {
        if ((*at)->start == pointer) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    if (!found)
        return CUDA_ERROR_INVALID_VALUE;
    munmap(found->start, found->size);
    free(found);
    return device_tell(OP_STATUS, NULL, 0);
}

/* Registration pins pages for faster copies; a copy reads any page here. */
EXPORT CUresult cuMemHostRegister_v2(void *pointer, size_t size, unsigned flags)
{
    (void)flags;
    if (!pointer || size == 0)
        return CUDA_ERROR_INVALID_VALUE;
    return device_tell(OP_STATUS, NULL, 0);
}

EXPORT CUresult cuMemHostUnregister(void *pointer)
{
    if (!pointer)
        return CUDA_ERROR_INVALID_VALUE;
    return device_tell(OP_STATUS, NULL, 0);
}
