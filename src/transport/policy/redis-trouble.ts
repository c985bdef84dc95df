/** A slot is on the move, or has no master right now: nothing was done, and soon it can be. */
export const CLUSTER_CHANGES =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |Last error: .*(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/** The words with which Redis refuses a command at present, whoever sends it. */
export const REFUSES_FOR_NOW = /^(READONLY|MISCONF|NOREPLICAS|OOM|LOADING|MASTERDOWN|BUSY |UNBLOCKED)/;

/** What ioredis says of a link that broke, or that was never there. */
export const LOST_LINK =
  /Connection is closed|max retries per request|Command aborted|Command timed out|Socket timeout\. Expecting data|Stream isn't writeable|Cluster isn't ready|Cluster is (ended|disconnect)|None of startup nodes|Too many Cluster redirections|slots cache|Node is disconnected|All sentinels are unreachable|Connection is (discarded|aborted)/i;

/** Redis refuses whoever connects: its password was changed, or it has no room for one more. */
const REFUSES_CONNECTION = /^(NOAUTH |WRONGPASS |ERR max number of clients)/;

/** Replies in the words that Redis and Valkey use, since a script may answer anything that begins with `BUSY`. */
const REFUSES_ANYBODY =
  /^(OOM command not allowed|READONLY You can't write|LOADING \w+ is loading|MISCONF |NOREPLICAS Not enough|MASTERDOWN Link with|BUSY \w+ is busy|UNBLOCKED )/;
/** What EXEC says of a transaction that one of them ended. */
const ENDED_BY = /^EXECABORT .*because of: /;

/** What ioredis says as an `Error` without a class of its own, each from its first word to its last. */
const LOST_LINK_WHOLE =
  /^(?:Connection is closed\.|Command timed out|Socket timeout\. Expecting data, but didn't receive any in \d+ms\.|Stream isn't writeable and enableOfflineQueue options is false|Cluster isn't ready and enableOfflineQueue options is false|Cluster is (?:ended|disconnected|disconnecting)\.|Node is disconnected|None of startup nodes is available|Too many Cluster redirections\. Last error: ReplyError: .*|All sentinels are unreachable(?: and retry is disabled\.|\. Retrying from scratch after \d+ms\.)(?: Last error: .*)?|Ready check failed: .*|Command aborted due to connection close)$/s;
const PLAIN_NAMES: ReadonlySet<string> = new Set(['Error', 'AbortError']);
const OWN_NAMES: ReadonlySet<string> = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError']);

/**
 * Whether an error says that Redis cannot be used at present, as far as ioredis or Redis itself says so. An error of a
 * socket is not looked at here: it does not say who connected.
 */
export function isRedisTrouble(error: Error): boolean {
  const { name, message } = error;
  if (OWN_NAMES.has(name)) return true;
  if (isReply(error)) {
    const reason = message.replace(ENDED_BY, '');
    return [CLUSTER_CHANGES, REFUSES_ANYBODY, REFUSES_CONNECTION].some((refusal) => refusal.test(reason));
  }
  return PLAIN_NAMES.has(name) && LOST_LINK_WHOLE.test(message);
}

/** Whether Redis answered it. A minifier may have renamed its class; ioredis notes for which command it was. */
function isReply(error: Error): boolean {
  if (error.name === 'ReplyError') return true;
  const { command } = error as { command?: Partial<Record<'name' | 'args', unknown>> | null };
  return typeof command?.name === 'string' && Array.isArray(command.args);
}
