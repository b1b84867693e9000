/* Which pages of this process are pinned. */
#ifndef GRADE_HOSTMEM_H
#define GRADE_HOSTMEM_H

#include <stddef.h>

/* Whether copies may still be under way to or from these bytes when a call that
 * is asynchronous returns: they lie in pinned memory. */
int is_pinned(const void *start, size_t size);

#endif
