import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Compares what the package exports with the reports in docs/api: `npm run api`. With `-- --local` it writes them.
const root = dirname(import.meta.dirname);
const FRONT_DOOR = 'transport';
const ENTRY_POINTS = [FRONT_DOOR, 'transport/validation', 'transport/terminus', 'operations'];
const accepts = process.argv.includes('--local');

const OFF = { logLevel: 'none', addToApiReportFile: false };
const ERROR = { logLevel: 'error', addToApiReportFile: false };

/** Each of these fails the comparison, whatever the report says. */
const messages = {
  compilerMessageReporting: { default: ERROR },
  extractorMessageReporting: {
    default: ERROR,
    'ae-missing-release-tag': OFF,
  },
  tsdocMessageReporting: {
    default: ERROR,
    'tsdoc-escape-right-brace': OFF,
    'tsdoc-malformed-inline-tag': OFF,
  },
};

function configOf(entryPoint) {
  const name = entryPoint.replaceAll('/', '-');
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, 'dist', entryPoint, 'index.d.ts'),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(root, 'docs/api'),
        reportTempFolder: join(root, 'dist/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages,
    },
  });
}

/** Whether the first entry point exports what another one mentions. */
function isAtFrontDoor({ messageId, text }) {
  const [, name] = /^The symbol "(\w+)"/.exec(text) ?? [];
  if (messageId !== 'ae-forgotten-export' || name === undefined) return false;
  const report = readFileSync(join(root, 'docs/api', 'transport.api.md'), 'utf8');
  return new RegExp(`^export (abstract )?(class|interface|type) ${name}\\b`, 'm').test(report);
}

function isInOrder(entryPoint) {
  const config = configOf(entryPoint);
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: accepts,
    printApiReportDiff: true,
    messageCallback: (message) => {
      if (entryPoint !== FRONT_DOOR && isAtFrontDoor(message)) message.logLevel = 'none';
      // The comparison is reported below, with what to do about it.
      if (
        message.messageId.startsWith('console-api-report-') &&
        message.messageId !== 'console-api-report-diff'
      ) {
        message.handled = true;
      }
    },
  });
  const report = config.reportFilePath.slice(root.length + 1);
  if (errorCount > 0) {
    console.error(`${entryPoint}: what is exported has ${errorCount} faults, see above.`);
    return false;
  }
  if (!apiReportChanged) return true;
  if (accepts) {
    console.log(`${report} is written. Commit it, and name in CHANGELOG.md what users have to change.`);
    return true;
  }
  console.error(`${report} does not say what is exported. If the change is meant: npm run api -- --local`);
  return false;
}

const unbuilt = ENTRY_POINTS.filter(
  (entryPoint) => !existsSync(join(root, 'dist', entryPoint, 'index.d.ts')),
);
if (unbuilt.length > 0) {
  console.error(`${unbuilt.join(', ')} is not built: npm run build`);
  process.exitCode = 1;
} else {
  const passed = ENTRY_POINTS.map(isInOrder);
  if (passed.every(Boolean)) console.log('The reports in docs/api say what the package exports.');
  else process.exitCode = 1;
}
