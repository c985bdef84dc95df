import { execFile } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Asks the kernel, and adds to what it says. libfaketime, which does more, does not get on with the memory of Redis. */
const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) {
  static const volatile long *seconds;
  static const long none = 0;
  if (!seconds) {
    const char *path = getenv("CLOCK_AHEAD");
    int file = path ? open(path, O_RDONLY) : -1;
    void *shared = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    seconds = shared == MAP_FAILED ? &none : shared;
  }
  return *seconds;
}
int clock_gettime(clockid_t id, struct timespec *t) {
  int result = syscall(SYS_clock_gettime, id, t);
  if (result == 0 && id == CLOCK_REALTIME) t->tv_sec += ahead();
  return result;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return result;
}
time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
`;

/** The wall clock of a Redis, which can be set ahead and back, also while it runs. */
export class RedisClock {
  private aheadS = 0;

  private constructor(
    private readonly library: string,
    /** What the clock is ahead by, in seconds: shared with the memory of Redis. */
    private readonly file: string,
  ) {}

  /** @throws when there is no C compiler */
  static async make(directory: string): Promise<RedisClock> {
    const source = join(directory, 'clock.c');
    const library = join(directory, 'clock.so');
    writeFileSync(source, SOURCE);
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, source]).catch(
      (error: unknown) => {
        throw new Error('The fault "redis-clock" needs a C compiler: install the package gcc.', {
          cause: error,
        });
      },
    );
    const clock = new RedisClock(library, join(directory, 'clock-ahead'));
    writeFileSync(clock.file, Buffer.alloc(8));
    return clock;
  }

  /** Sets the clock so much further ahead. @returns the environment of a Redis that goes by it */
  advance(seconds: number): Record<string, string> {
    this.aheadS += seconds;
    const value = Buffer.alloc(8);
    if (endianness() === 'LE') value.writeBigInt64LE(BigInt(this.aheadS));
    else value.writeBigInt64BE(BigInt(this.aheadS));
    const file = openSync(this.file, 'r+');
    writeSync(file, value);
    closeSync(file);
    return { LD_PRELOAD: this.library, CLOCK_AHEAD: this.file };
  }
}
