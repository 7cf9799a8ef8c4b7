/* A disk that fails on command, put between a program and its C library (LD_PRELOAD). The file named by
   TEAHOUSE_DISK says how: "write|flush ERRNO TIMES PART-OF-PATH", TIMES 0 for always; an empty or missing file is a
   disk that is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int failures;

static int fails(int fd, const char *what) {
  const char *orders = getenv("TEAHOUSE_DISK");
  if (!orders) return 0;
  char text[256], path[4096], link[64], order[16], part[128];
  int error, times;
  int file = syscall(SYS_openat, AT_FDCWD, orders, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return 0;
  ssize_t size = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  if (size <= 0) {
    __atomic_store_n(&failures, 0, __ATOMIC_SEQ_CST);
    return 0;
  }
  text[size] = 0;
  if (sscanf(text, "%15s %d %d %127s", order, &error, &times, part) != 4 || strcmp(order, what)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = 0;
  /* The end of the path: teahouse.db is not teahouse.db-wal. */
  size_t length = strlen(part);
  if ((size_t)size < length || strcmp(path + size - length, part)) return 0;
  if (times && __atomic_fetch_add(&failures, 1, __ATOMIC_SEQ_CST) >= times) return 0;
  errno = error;
  return 1;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return fails(fd, "write") ? -1 : real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return fails(fd, "write") ? -1 : real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails(fd, "write") ? -1 : real(fd, data, size, at);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  return fails(fd, "flush") ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return fails(fd, "flush") ? -1 : real(fd);
}
