/* libnvidia-ml.so.1: the few questions that MAX asks of NVML, answered from the
 * driver library beside it. Layouts follow the NVML API reference. */
#include "abi.h"

#include <stdio.h>
#include <string.h>

typedef int nvmlReturn_t;
typedef struct device *nvmlDevice_t;

enum { NVML_SUCCESS = 0, NVML_INVALID_ARGUMENT = 2, NVML_NOT_SUPPORTED = 3,
       NVML_NOT_FOUND = 6, NVML_UNKNOWN = 999 };
enum { PCI_BUS = 33, PCI_DEVICE = 34, PCI_DOMAIN = 50, MAJOR = 75, MINOR = 76 };

#define PCI_DEVICE_ID 0x20B010DEu /* A100-SXM4-40GB, NVIDIA (10DE) */

typedef struct {
    char legacy_bus_id[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} nvmlPciInfo_t;

typedef struct {
    unsigned long long total, free, used;
} nvmlMemory_t;

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device);
CUresult cuDeviceGetName(char *name, int size, CUdevice device);
CUresult cuMemGetInfo_v2(size_t *available, size_t *total);

static char the_device;

static int is_device(nvmlDevice_t device)
{
    return device == (nvmlDevice_t)&the_device;
}

EXPORT nvmlReturn_t nvmlInit_v2(void)
{
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlShutdown(void)
{
    return NVML_SUCCESS;
}

EXPORT const char *nvmlErrorString(nvmlReturn_t result)
{
    switch (result) {
    case NVML_SUCCESS:
        return "The operation was successful";
    case NVML_INVALID_ARGUMENT:
        return "A supplied argument is invalid";
    case NVML_NOT_SUPPORTED:
        return "The requested operation is not available on target device";
    case NVML_NOT_FOUND:
        return "A query to find an object was unsuccessful";
    default:
        return "An internal driver error occurred";
    }
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    if (!version || length == 0)
        return NVML_INVALID_ARGUMENT;
    snprintf(version, length, "580.65.06"); /* the driver that shipped with CUDA 13.0 */
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    if (!count)
        return NVML_INVALID_ARGUMENT;
    *count = 1;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t *device)
{
    if (!device || index != 0)
        return NVML_INVALID_ARGUMENT;
    *device = (nvmlDevice_t)&the_device;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByIndex(index, device);
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length)
{
    if (!is_device(device) || !name || length == 0)
        return NVML_INVALID_ARGUMENT;
    return cuDeviceGetName(name, (int)length, 0) ? NVML_UNKNOWN : NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    size_t available = 0, total = 0;
    if (!is_device(device) || !memory)
        return NVML_INVALID_ARGUMENT;
    if (cuMemGetInfo_v2(&available, &total))
        return NVML_UNKNOWN;
    memory->total = total;
    memory->free = available;
    memory->used = total - available;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major,
                                                       int *minor)
{
    if (!is_device(device) || !major || !minor)
        return NVML_INVALID_ARGUMENT;
    if (cuDeviceGetAttribute(major, MAJOR, 0) || cuDeviceGetAttribute(minor, MINOR, 0))
        return NVML_UNKNOWN;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *info)
{
    int domain, bus, slot;
    if (!is_device(device) || !info)
        return NVML_INVALID_ARGUMENT;
    if (cuDeviceGetAttribute(&domain, PCI_DOMAIN, 0) ||
        cuDeviceGetAttribute(&bus, PCI_BUS, 0) || cuDeviceGetAttribute(&slot, PCI_DEVICE, 0))
        return NVML_UNKNOWN;
    memset(info, 0, sizeof *info);
    info->domain = (unsigned)domain;
    info->bus = (unsigned)bus;
    info->device = (unsigned)slot;
    info->device_id = PCI_DEVICE_ID;
    snprintf(info->legacy_bus_id, sizeof info->legacy_bus_id, "%04X:%02X:%02X.0",
             (unsigned)domain & 0xffff, (unsigned)bus & 0xff, (unsigned)slot & 0xff);
    snprintf(info->bus_id, sizeof info->bus_id, "%08X:%02X:%02X.0", (unsigned)domain,
             (unsigned)bus & 0xff, (unsigned)slot & 0xff);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current,
                                         unsigned *pending)
{
    (void)device, (void)current, (void)pending;
    return NVML_NOT_SUPPORTED;
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
                                                              unsigned long long *reasons)
{
    if (!is_device(device) || !reasons)
        return NVML_INVALID_ARGUMENT;
    *reasons = 0;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, int kind, int counter,
                                                unsigned long long *count)
{
    (void)kind, (void)counter;
    if (!is_device(device) || !count)
        return NVML_INVALID_ARGUMENT;
    *count = 0;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device,
                                                            unsigned *count, void *infos)
{
    (void)infos;
    if (!is_device(device) || !count)
        return NVML_INVALID_ARGUMENT;
    *count = 0;
    return NVML_SUCCESS;
}
