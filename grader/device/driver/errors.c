/* Names and descriptions of CUresult codes, after the CUDA Driver API manual. */
#include "abi.h"

static const struct {
    CUresult code;
    const char *name, *text;
} errors[] = {
#define ERROR(code, name, text) {code, "CUDA_" name, text},
#include "errors.def"
#undef ERROR
};

static CUresult find(CUresult code, const char **out, int want_text)
{
    if (!out)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) {
            *out = want_text ? errors[i].text : errors[i].name;
            return CUDA_SUCCESS;
        }
    }
    *out = NULL;
    return CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult cuGetErrorName(CUresult code, const char **name)
{
    return find(code, name, 0);
}

EXPORT CUresult cuGetErrorString(CUresult code, const char **text)
{
    return find(code, text, 1);
}
