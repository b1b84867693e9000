/* libNVPTX.so: stands in for the PTX compiler that MAX loads, and hands the PTX
 * text through as the "program", so that it reaches cuModuleLoadDataEx. The
 * device process parses it, and reports what is wrong with it. */
#include "abi.h"

#include <stdlib.h>
#include <string.h>

typedef int nvPTXCompileResult;

enum { NVPTX_SUCCESS = 0, NVPTX_INVALID_HANDLE = 1, NVPTX_INVALID_INPUT = 2,
       NVPTX_OUT_OF_MEMORY = 4 };

struct compiler {
    size_t size; /* with the NUL that ends the program */
    char text[];
};

EXPORT nvPTXCompileResult nvPTXCompilerGetVersion(unsigned *major, unsigned *minor)
{
    if (!major || !minor)
        return NVPTX_INVALID_INPUT;
    *major = 12;
    *minor = 9;
    return NVPTX_SUCCESS;
}

EXPORT nvPTXCompileResult nvPTXCompilerCreate(struct compiler **compiler, size_t length,
                                              const char *text)
{
    if (!compiler || !text)
        return NVPTX_INVALID_INPUT;
    length = strnlen(text, length);
    struct compiler *made = malloc(sizeof *made + length + 1);
    if (!made)
        return NVPTX_OUT_OF_MEMORY;
    made->size = length + 1;
    memcpy(made->text, text, length);
    made->text[length] = '\0';
    *compiler = made;
    return NVPTX_SUCCESS;
}

EXPORT nvPTXCompileResult nvPTXCompilerDestroy(struct compiler **compiler)
{
    if (!compiler)
        return NVPTX_INVALID_HANDLE;
    free(*compiler);
    *compiler = NULL;
    return NVPTX_SUCCESS;
}

EXPORT nvPTXCompileResult nvPTXCompilerCompile(struct compiler *compiler, int count,
                                               const char *const *options)
{
    (void)count, (void)options;
    return compiler ? NVPTX_SUCCESS : NVPTX_INVALID_HANDLE;
}

EXPORT nvPTXCompileResult nvPTXCompilerGetCompiledProgramSize(struct compiler *compiler,
                                                              size_t *size)
{
    if (!compiler || !size)
        return NVPTX_INVALID_INPUT;
    *size = compiler->size;
    return NVPTX_SUCCESS;
}

EXPORT nvPTXCompileResult nvPTXCompilerGetCompiledProgram(struct compiler *compiler,
                                                          void *program)
{
    if (!compiler || !program)
        return NVPTX_INVALID_INPUT;
    memcpy(program, compiler->text, compiler->size);
    return NVPTX_SUCCESS;
}

static nvPTXCompileResult empty_size(struct compiler *compiler, size_t *size)
{
    if (!compiler || !size)
        return NVPTX_INVALID_INPUT;
    *size = 0;
    return NVPTX_SUCCESS;
}

static nvPTXCompileResult empty_log(struct compiler *compiler, char *log)
{
    (void)log;
    return compiler ? NVPTX_SUCCESS : NVPTX_INVALID_INPUT;
}

EXPORT nvPTXCompileResult nvPTXCompilerGetErrorLogSize(struct compiler *compiler, size_t *size)
{
    return empty_size(compiler, size);
}

EXPORT nvPTXCompileResult nvPTXCompilerGetErrorLog(struct compiler *compiler, char *log)
{
    return empty_log(compiler, log);
}

EXPORT nvPTXCompileResult nvPTXCompilerGetInfoLogSize(struct compiler *compiler, size_t *size)
{
    return empty_size(compiler, size);
}

EXPORT nvPTXCompileResult nvPTXCompilerGetInfoLog(struct compiler *compiler, char *log)
{
    return empty_log(compiler, log);
}
