/* Entry points that MAX looks up and this device does not have.
 *
 * Each tells the device process its name and returns CUDA_ERROR_NOT_SUPPORTED.
 * They take no parameters: in the C calling conventions of x86-64 and AArch64
 * Linux the caller clears up its arguments, so ignoring them is safe. */
#include "channel.h"

#define UNSUPPORTED(name)                     \
    EXPORT CUresult name(void);               \
    CUresult name(void)                       \
    {                                         \
        return device_unsupported(#name);     \
    }
#include "unsupported.def"
