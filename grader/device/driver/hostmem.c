/* Pinned host memory: ordinary pages of this process, since kernels can't reach
 * them here. MAX reserves over a gigabyte and touches little of it, so pages
 * are mapped without a reservation. */
#include "hostmem.h"

#include "channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

struct block {
    struct block *next;
    void *start;
    size_t size;
    int mapped; /* by us, not registered by the program */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;

/* Far from where the system maps memory by itself, and from the addresses of device memory, which
 * are plain numbers: one of those must never be taken for an address of the host. */
#define FIRST_ADDRESS ((uintptr_t)0x100000000000)
#define PAGE ((size_t)4096)
static uintptr_t next_address = FIRST_ADDRESS;

/* A kernel on a GPU can use pinned memory by its address; here it can't, and the device process has to
 * tell such an access from one that is out of bounds. Of size 0, the memory is gone. */
static CUresult tell(const void *start, size_t size)
{
    uint64_t request[2] = {(uintptr_t)start, size};
    return device_tell(OP_HOST_MEMORY, request, sizeof request);
}

static void keep(struct block *block, void *start, size_t size, int mapped)
{
    block->start = start;
    block->size = size;
    block->mapped = mapped;
    pthread_mutex_lock(&lock);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&lock);
}

static struct block *take(void *start, int mapped)
{
    struct block *found = NULL;
    pthread_mutex_lock(&lock);
    for (struct block **at = &blocks; *at; at = &(*at)->next) {
        if ((*at)->start == start && (*at)->mapped == mapped) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

int is_pinned(const void *start, size_t size)
{
    uintptr_t first = (uintptr_t)start;
    int pinned = 0;
    pthread_mutex_lock(&lock);
    for (const struct block *each = blocks; each && !pinned; each = each->next) {
        uintptr_t base = (uintptr_t)each->start;
        pinned = first < base + each->size && base < first + size;
    }
    pthread_mutex_unlock(&lock);
    return pinned;
}

int pinned_after(uint64_t address, size_t *bytes)
{
    int found = 0;
    pthread_mutex_lock(&lock);
    for (const struct block *each = blocks; each && !found; each = each->next) {
        uintptr_t base = (uintptr_t)each->start;
        found = address >= base && address - base < each->size;
        if (found)
            *bytes = each->size - (address - base);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* The place for the next block; addresses are not handed out a second time. */
static void *fresh_address(size_t size)
{
    pthread_mutex_lock(&lock);
    uintptr_t address = next_address;
    next_address += (size / PAGE + 2) * PAGE;
    pthread_mutex_unlock(&lock);
    return (void *)address;
}

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
    void *start = mmap(fresh_address(size), size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        free(block);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *pointer = start;
    keep(block, start, size, 1);
    return tell(start, size);
}

EXPORT CUresult cuMemAllocHost_v2(void **pointer, size_t size)
{
    return cuMemHostAlloc(pointer, size, 0);
}

EXPORT CUresult cuMemFreeHost(void *pointer)
{
    struct block *found = take(pointer, 1);
    if (!found)
        return CUDA_ERROR_INVALID_VALUE;
    munmap(found->start, found->size);
    free(found);
    return tell(pointer, 0);
}

/* Registration pins pages for faster copies; a copy reads any page here. */
EXPORT CUresult cuMemHostRegister_v2(void *pointer, size_t size, unsigned flags)
{
    (void)flags;
    if (!pointer || size == 0)
        return CUDA_ERROR_INVALID_VALUE;
    struct block *block = malloc(sizeof *block);
    if (!block)
        return CUDA_ERROR_OUT_OF_MEMORY;
    keep(block, pointer, size, 0);
    return tell(pointer, size);
}

EXPORT CUresult cuMemHostUnregister(void *pointer)
{
    if (!pointer)
        return CUDA_ERROR_INVALID_VALUE;
    free(take(pointer, 0));
    return tell(pointer, 0);
}
