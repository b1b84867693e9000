#include "channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct request_header {
    uint32_t length, sequence, op;
};

struct reply_header {
    uint32_t length, sequence;
    int32_t result;
};

enum link { LINK_UNOPENED, LINK_OPEN, LINK_ABSENT, LINK_LOST };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum link link_state = LINK_UNOPENED;
static int link_fd = -1;
static uint32_t sequence;

static int send_all(struct iovec *parts, int count)
{
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = parts;
    message.msg_iovlen = (size_t)count;
    for (;;) {
        while (message.msg_iovlen > 0 && message.msg_iov->iov_len == 0) {
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen == 0)
            return 0;
        ssize_t sent = sendmsg(link_fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        for (size_t left = (size_t)sent; left > 0;) {
            struct iovec *part = message.msg_iov;
            size_t step = left < part->iov_len ? left : part->iov_len;
            part->iov_base = (char *)part->iov_base + step;
            part->iov_len -= step;
            left -= step;
            if (part->iov_len == 0) {
                message.msg_iov++;
                message.msg_iovlen--;
            }
        }
    }
}

static int receive_all(void *target, size_t size)
{
    char *at = target;
    while (size > 0) {
        ssize_t got = recv(link_fd, at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

static int skip(size_t size)
{
    char waste[512];
    while (size > 0) {
        size_t step = size < sizeof waste ? size : sizeof waste;
        if (receive_all(waste, step))
            return -1;
        size -= step;
    }
    return 0;
}

static CUresult lost(void)
{
    link_state = LINK_LOST;
    return CUDA_ERROR_UNKNOWN;
}

static CUresult exchange(enum op op, const void *fixed, size_t fixed_size, const void *tail,
                         size_t tail_size, void *reply, size_t capacity, size_t *length)
{
    struct request_header out = {(uint32_t)(fixed_size + tail_size), ++sequence, (uint32_t)op};
    struct reply_header in;
    struct iovec parts[3] = {
        {&out, sizeof out}, {(void *)fixed, fixed_size}, {(void *)tail, tail_size}};

    if (fixed_size + tail_size > UINT32_MAX)
        return CUDA_ERROR_INVALID_VALUE;
    if (send_all(parts, 3) || receive_all(&in, sizeof in) || in.sequence != out.sequence)
        return lost();
    size_t kept = in.length < capacity ? in.length : capacity;
    if (receive_all(reply, kept) || skip(in.length - kept))
        return lost();
    if (length)
        *length = in.length;
    return in.result;
}

/* The descriptor's number comes from the grader; the first request proves that
 * a device process of our version listens there. */
static CUresult open_link(void)
{
    const char *text = getenv("GRADE_DEVICE_FD");
    uint32_t version = PROTOCOL_VERSION, theirs = 0;
    size_t length = 0;
    char *end = NULL;
    long fd = -1;

    link_state = LINK_ABSENT;
    if (text && *text)
        fd = strtol(text, &end, 10);
    if (fd < 0 || fd > 1 << 20 || *end != '\0')
        return CUDA_ERROR_NO_DEVICE;
    link_fd = (int)fd;
    CUresult result = exchange(OP_HELLO, &version, sizeof version, NULL, 0, &theirs,
                               sizeof theirs, &length);
    if (result != CUDA_SUCCESS || length != sizeof theirs || theirs != version) {
        link_state = LINK_ABSENT;
        return CUDA_ERROR_NO_DEVICE;
    }
    link_state = LINK_OPEN;
    return CUDA_SUCCESS;
}

CUresult device_call(enum op op, const void *fixed, size_t fixed_size, const void *tail,
                     size_t tail_size, void *reply, size_t capacity, size_t *length)
{
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    if (link_state == LINK_UNOPENED)
        result = open_link();
    else if (link_state == LINK_ABSENT)
        result = CUDA_ERROR_NO_DEVICE;
    else if (link_state == LINK_LOST)
        result = CUDA_ERROR_UNKNOWN;
    if (result == CUDA_SUCCESS)
        result = exchange(op, fixed, fixed_size, tail, tail_size, reply, capacity, length);
    pthread_mutex_unlock(&lock);
    return result;
}

CUresult device_ask(enum op op, const void *request, size_t request_size, void *reply,
                    size_t size)
{
    size_t length = 0;
    CUresult result = device_call(op, request, request_size, NULL, 0, reply, size, &length);
    if (result == CUDA_SUCCESS && length != size)
        return CUDA_ERROR_UNKNOWN;
    return result;
}

CUresult device_tell(enum op op, const void *request, size_t request_size)
{
    return device_call(op, request, request_size, NULL, 0, NULL, 0, NULL);
}

CUresult device_order_unsure(const char *why)
{
    return device_tell(OP_ORDER_UNSURE, why, strlen(why));
}

CUresult device_unsupported(const char *name)
{
    CUresult result = device_tell(OP_UNSUPPORTED, name, strlen(name));
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_SUPPORTED : result;
}
