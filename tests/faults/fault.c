/* Makes one call that changes the disk fail, in the processes that preload it.
 *
 * It is call number FAULT_AT of all processes for a file below FAULT_DIRECTORY, and fails with
 * FAULT_ERRNO. FAULT_COUNT is a file of 8 bytes that counts the calls. Only a call that opens a
 * file may fail with EMFILE. A file is closed even if close() fails, as Linux does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long *count;
static long at;
static int fault;
static char directory[PATH_MAX];

__attribute__((constructor)) static void start(void)
{
    int file = REAL(open)(getenv("FAULT_COUNT"), O_RDWR | O_CLOEXEC);
    void *memory = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || memory == MAP_FAILED)
        abort();
    REAL(close)(file);
    snprintf(directory, sizeof directory, "%s/", getenv("FAULT_DIRECTORY"));
    at = atol(getenv("FAULT_AT"));
    fault = atoi(getenv("FAULT_ERRNO"));
    count = memory;
}

static int fails(const char *path)
{
    if (!count || strncmp(path, directory, strlen(directory)) != 0)
        return 0;
    if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != at)
        return 0;
    errno = fault;
    return 1;
}

static int path_fails(int base, const char *path)
{
    char link[64], full[2 * PATH_MAX] = "";
    int before = errno;
    if (path[0] != '/') {
        snprintf(link, sizeof link, base == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", base);
        ssize_t size = readlink(link, full, PATH_MAX);
        full[size < 0 ? 0 : size] = 0;
        strcat(full, "/");
    }
    errno = before;
    return fails(strncat(full, path, PATH_MAX - 1));
}

static int changes(int base, const char *path)
{
    return fault != EMFILE && path_fails(base, path);
}

static int file_fails(int file)
{
    char link[64], path[PATH_MAX] = "";
    int before = errno, flags = fcntl(file, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t size = readlink(link, path, sizeof path - 1);
        path[size < 0 ? 0 : size] = 0;
    }
    errno = before;
    return fault != EMFILE && fails(path);
}

#define OPEN(name, base, parameters, arguments)                                                    \
    int name parameters                                                                            \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = __OPEN_NEEDS_MODE(flags) ? va_arg(more, mode_t) : 0;                    \
        va_end(more);                                                                              \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT) && path_fails(base, path))                       \
            return -1;                                                                             \
        return REAL(name) arguments;                                                               \
    }
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, base, (int base, const char *path, int flags, ...), (base, path, flags, mode))
OPEN(openat64, base, (int base, const char *path, int flags, ...), (base, path, flags, mode))

#define CALL(type, name, parameters, arguments, failing)                                           \
    type name parameters { return (failing) ? -1 : REAL(name) arguments; }
CALL(int, rename, (const char *from, const char *to), (from, to), changes(AT_FDCWD, to))
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to),
     changes(b, to))
CALL(int, link, (const char *from, const char *to), (from, to), changes(AT_FDCWD, to))
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), changes(b, to))
CALL(int, symlink, (const char *from, const char *to), (from, to), changes(AT_FDCWD, to))
CALL(int, symlinkat, (const char *from, int b, const char *to), (from, b, to), changes(b, to))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), changes(AT_FDCWD, path))
CALL(int, mkdirat, (int base, const char *path, mode_t mode), (base, path, mode),
     changes(base, path))
CALL(int, truncate64, (const char *path, off64_t size), (path, size), changes(AT_FDCWD, path))
CALL(int, ftruncate64, (int file, off64_t size), (file, size), file_fails(file))
CALL(ssize_t, write, (int file, const void *data, size_t size), (file, data, size),
     file_fails(file))
CALL(ssize_t, writev, (int file, const struct iovec *parts, int number), (file, parts, number),
     file_fails(file))
CALL(ssize_t, pwrite64, (int file, const void *data, size_t size, off64_t start),
     (file, data, size, start), file_fails(file))
CALL(ssize_t, sendfile64, (int file, int from, off64_t *start, size_t size),
     (file, from, start, size), file_fails(file))
CALL(ssize_t, copy_file_range, (int from, off64_t *a, int file, off64_t *b, size_t size, unsigned f),
     (from, a, file, b, size, f), file_fails(file))
CALL(int, fsync, (int file), (file), file_fails(file))
CALL(int, fdatasync, (int file), (file), file_fails(file))

int close(int file)
{
    int failing = file_fails(file), status = REAL(close)(file);
    if (failing)
        errno = fault;
    return failing ? -1 : status;
}
