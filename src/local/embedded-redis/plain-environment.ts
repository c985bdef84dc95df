/** What a program of the system needs to run, to speak in the user's language, and to reach a mirror or a container engine. */
const NEEDED =
  /^(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|XDG_RUNTIME_DIR|DOCKER_\w+|(HTTPS?|NO|ALL|FTP)_PROXY)$/i;

/**
 * The environment for programs that this one starts. What the service is given in its own, tokens and passwords of
 * databases above all, is no business of a package manager and its scripts, nor of a Redis.
 */
export function plainEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NEEDED.test(name)));
}
