import { plainEnvironment } from './plain-environment.js';
import { runCommand } from './run-command.js';
import type { Log, Unavailable } from './redis-source.js';

interface PackageManager {
  command: string;
  script: string;
}

// Debian's package starts a server of its own on port 6379, unless policy-rc.d forbids it while it is installed.
const APT_SCRIPT = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server
`;

const PACKAGE_MANAGERS: readonly PackageManager[] = [
  { command: 'apt-get', script: APT_SCRIPT },
  { command: 'apk', script: 'apk add --no-cache redis || apk add --no-cache valkey' },
  { command: 'dnf', script: 'dnf install -y -q redis || dnf install -y -q valkey' },
];
const INSTALL_TIMEOUT_MS = 300_000;

/** Installs a Redis server where that needs no question: as root, with apt-get, apk or dnf. Undefined when done. */
export async function installRedis(log: Log): Promise<Unavailable | undefined> {
  if (process.getuid?.() !== 0) return { unavailable: 'installing one needs root' };
  for (const { command, script } of PACKAGE_MANAGERS) {
    if ((await runCommand(command, ['--version'])).code !== 0) continue;
    log(`No Redis server here: installing one with ${command} (EMBEDDED_REDIS=installed forbids that) ...`);
    const env = { ...plainEnvironment(), DEBIAN_FRONTEND: 'noninteractive' };
    const { code, stderr } = await runCommand('/bin/sh', ['-c', script], {
      env,
      timeoutMs: INSTALL_TIMEOUT_MS,
    });
    if (code === 0) return undefined;
    return { unavailable: `${command} could not install it (${lastLine(stderr)})` };
  }
  return { unavailable: 'none of apt-get, apk and dnf is here to install one' };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
