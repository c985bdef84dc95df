import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Asks the kernel, and adds to what it says. libfaketime, which does more, does not get on with the memory of Redis. */
const SOURCE = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) {
  static long seconds, known;
  if (!known) { const char *text = getenv("CLOCK_AHEAD_S"); seconds = text ? atol(text) : 0; known = 1; }
  return seconds;
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

/** The wall clock of a Redis, which can be set ahead when it is started. */
export class RedisClock {
  private aheadS = 0;

  private constructor(private readonly library: string) {}

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
    return new RedisClock(library);
  }

  /** The environment of a Redis whose clock is so much further ahead. */
  advance(seconds: number): Record<string, string> {
    this.aheadS += seconds;
    return { LD_PRELOAD: this.library, CLOCK_AHEAD_S: String(this.aheadS) };
  }
}
