/* Which pages of this process are pinned. */
#ifndef GRADE_HOSTMEM_H
#define GRADE_HOSTMEM_H

#include <stddef.h>
#include <stdint.h>

/* Whether copies may still be under way to or from these bytes when a call that
 * is asynchronous returns: they lie in pinned memory. */
int is_pinned(const void *start, size_t size);

/* Whether an address lies in pinned memory, and how many bytes of it follow. */
int pinned_after(uint64_t address, size_t *bytes);

#endif
