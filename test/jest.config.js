import { dirname } from 'node:path';

const rootDir = dirname(import.meta.dirname);

const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

const sharedRedis = {
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
};

const project = (displayName, testMatch, more = {}) => ({
  ...more,
  displayName,
  rootDir,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
});

/** One project per kind of test; `npm test` runs them all. */
export default {
  rootDir,
  projects: [
    project('unit', ['<rootDir>/src/**/*.spec.ts']),
    project('integration', ['<rootDir>/test/integration/**/*.spec.ts'], sharedRedis),
    project('e2e', ['<rootDir>/test/e2e/**/*.spec.ts'], sharedRedis),
    project('containers', ['<rootDir>/test/containers/**/*.spec.ts']),
  ],
};
