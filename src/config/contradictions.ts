import type { Config } from './config.js';
import { connectionContradictionsIn } from './connection-contradictions.js';
import { VARIABLES } from './variables.js';

type Amount = {
  [K in keyof Config]: Config[K] extends number ? K : never;
}[keyof Config];

interface Rule {
  readonly of: Amount;
  readonly relation: 'below' | 'above';
  readonly than: Amount;
}

/** What must hold between variables that are each valid. */
const RULES: readonly Rule[] = [
  { of: 'backoffMaxMs', relation: 'below', than: 'backoffInitialMs' },
  { of: 'backoffMaxMs', relation: 'above', than: 'maxRetryDelayMs' },
];

/** One sentence for each pair of variables that cannot hold together; it names both, since either can be changed. */
export function contradictionsIn(config: Config): string[] {
  const amounts = RULES.filter(({ of, relation, than }) =>
    relation === 'below' ? config[of] < config[than] : config[of] > config[than],
  ).map(
    ({ of, relation, than }) =>
      `${VARIABLES[of].name} must not be ${relation} ${VARIABLES[than].name} (${config[than]}); it is ${config[of]}` +
      (config[of] === VARIABLES[of].default ? ', its default' : ''),
  );
  return [...amounts, ...portContradictionsIn(config), ...connectionContradictionsIn(config)];
}

function portContradictionsIn({ port, healthPort }: Config): string[] {
  return healthPort === port && port !== 0
    ? [`HEALTH_PORT must be another port than PORT (${port}), or not be set`]
    : [];
}
