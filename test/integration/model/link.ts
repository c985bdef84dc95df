/** A command on its way: sent, then carried out by Redis, then answered. */
export interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly run: () => Promise<unknown>;
  readonly answer: () => void;
  readonly refuse: (error: unknown) => void;
  /** How Redis carried it out, once it has. */
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

/**
 * A connection on which nothing moves by itself: a schedule decides when Redis carries out the next command and when
 * the next answer arrives. Commands and answers keep their order.
 */
export class Link {
  private commands: Command[] = [];
  private isDown = false;
  /** How many at the end of them were sent since the last look. */
  private fresh = 0;

  send<T>(name: string, args: readonly unknown[], run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isDown) return;
      const command: Command = {
        ...{ name, args, run, outcome: undefined },
        answer: () => resolve((command.outcome as { value: T }).value),
        refuse: reject,
      };
      this.commands.push(command);
      this.fresh += 1;
    });
  }

  /** What Redis carries out next. */
  get next(): Command | undefined {
    return this.commands.find(({ outcome }) => outcome === undefined);
  }

  get hasAnswer(): boolean {
    return this.commands[0]?.outcome !== undefined;
  }

  /**
   * Puts what was sent since the last call into an order that does not depend on how many turns of the event loop each
   * sender took: none of it waited for another.
   */
  arrange(): void {
    const from = Math.max(0, this.commands.length - this.fresh);
    const arranged = this.commands.splice(from).map((command) => [contentOf(command), command] as const);
    arranged.sort(([a], [b]) => (a < b ? -1 : 1));
    this.commands.push(...arranged.map(([, command]) => command));
    this.fresh = 0;
  }

  async carryOut(command: Command): Promise<void> {
    command.outcome = await command.run().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
  }

  answer(): void {
    const [command] = this.commands;
    if (!command?.outcome) return;
    this.commands.shift();
    if ('error' in command.outcome) command.refuse(command.outcome.error);
    else command.answer();
  }

  /** Breaks and comes back: what was not answered is sent again, as ioredis does. */
  breakAndResend(): void {
    for (const command of this.commands) command.outcome = undefined;
  }

  /** Breaks and comes back: what was not answered fails, as a blocking read does. */
  breakAndRefuse(): void {
    const { commands } = this;
    this.commands = [];
    for (const { refuse } of commands) refuse(new Error('Connection is closed.'));
  }

  /** Its process is gone: nothing is answered any more. */
  end(): void {
    this.isDown = true;
    this.commands = [];
  }
}

/** What a command is about; which of the lanes it takes is of no account. */
function contentOf({ name, args }: Command): string {
  const isNumber = new Set(['lane', 'sequence']);
  return JSON.stringify([name, args], (key, part: unknown) => (isNumber.has(key) ? undefined : part));
}

/** The same port, every call of which goes over the link. */
export function over<T extends object>(port: T, link: Link): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function' || typeof name === 'symbol') return member;
      const method = member as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        const step = (): Promise<unknown> => Promise.resolve(method.apply(target, args));
        return AT_HOME.has(name) ? method.apply(target, args) : link.send(name, args, step);
      };
    },
  });
}

/** What does not ask Redis for anything. */
const AT_HOME = new Set([
  'openReader',
  'errorStreakWrites',
  'whenReady',
  'isConnected',
  'absence',
  'settings',
  'close',
  'prepare',
]);
