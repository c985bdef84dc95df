import { join } from 'node:path';
import { runCommand } from '../../src/local/embedded-redis/run-command.js';

const ROOT = join(import.meta.dirname, '..', '..');

/** One `docker compose` project of this repository's docker-compose.yml. */
export class Compose {
  private constructor(
    private readonly command: readonly [string, ...string[]],
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Takes `docker compose`, or `docker-compose` where that is what there is. */
  static async project(name: string, variables: Record<string, string>): Promise<Compose> {
    const env = { ...process.env, ...variables, COMPOSE_PROJECT_NAME: name };
    const isPlugin = (await runCommand('docker', ['compose', 'version'])).code === 0;
    return new Compose(isPlugin ? ['docker', 'compose'] : ['docker-compose'], env);
  }

  /**
   * Runs one subcommand and resolves with what it printed.
   *
   * @throws with its standard error when it failed.
   */
  async run(...args: string[]): Promise<string> {
    const [command, ...first] = this.command;
    const file = ['--project-directory', ROOT, '--file', join(ROOT, 'docker-compose.yml')];
    return succeed(command, [...first, ...file, ...args], this.env);
  }

  /** The ids of a service's containers, running or not. */
  async containers(service: string): Promise<string[]> {
    return (await this.run('ps', '--all', '--quiet', service)).split('\n').filter(Boolean);
  }

  async redis(...command: string[]): Promise<string> {
    return (await this.run('exec', '-T', 'redis', 'redis-cli', ...command)).trim();
  }
}

/**
 * Runs a `docker` subcommand and resolves with what it printed, on either output.
 *
 * @throws with its standard error when it failed.
 */
export async function docker(...args: string[]): Promise<string> {
  return (await succeed('docker', args)).trim();
}

async function succeed(command: string, args: string[], env = process.env): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args, { env });
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} failed (${String(code)}):\n${stdout}\n${stderr}`);
  return stdout;
}
