/** A slot is on the move, or has no master right now: nothing was done, and soon it can be. */
export const CLUSTER_CHANGES =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |Last error: .*(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/** The words with which Redis refuses a command at present, whoever sends it. */
export const REFUSES_FOR_NOW = /^(READONLY|MISCONF|NOREPLICAS|OOM|LOADING|MASTERDOWN|BUSY |UNBLOCKED)/;

/** What ioredis says of a link that broke, or that was never there. */
export const LOST_LINK =
  /Connection is closed|max retries per request|Command aborted|Command timed out|Socket timeout\. Expecting data|Stream isn't writeable|Cluster isn't ready|Cluster is (ended|disconnect)|None of startup nodes|Too many Cluster redirections|slots cache|Node is disconnected|All sentinels are unreachable|Connection is (discarded|aborted)/i;

/** Redis refuses whoever connects: its password was changed, or it has no room for one more. */
const REFUSES_CONNECTION = /^(NOAUTH|WRONGPASS|ERR max number of clients)/;

/**
 * Replies of Redis, in the words that Redis and Valkey use, since any error may begin with `BUSY`. The words come
 * first, or after what EXEC says of a transaction that they ended.
 */
const REPLIES =
  /^(?:EXECABORT .*because of: )?(OOM command not allowed|READONLY You can't write|LOADING \w+ is loading|MISCONF |NOREPLICAS Not enough|MASTERDOWN Link with|CLUSTERDOWN |TRYAGAIN |BUSY \w+ is busy)/;

/**
 * Whether an error says that Redis cannot be used at present, as far as ioredis or Redis itself says so. An error of a
 * socket is not looked at here: it does not say who connected.
 */
export function isRedisTrouble({ name, message }: Error): boolean {
  if (name === 'MaxRetriesPerRequestError' || name === 'ClusterAllFailedError') return true;
  if (REPLIES.test(message) || LOST_LINK_WHOLE.test(message)) return true;
  return (
    name === 'ReplyError' &&
    (CLUSTER_CHANGES.test(message) || REFUSES_FOR_NOW.test(message) || REFUSES_CONNECTION.test(message))
  );
}

/** The same from the first word on: in the middle of a text of somebody else they mean nothing. */
const LOST_LINK_WHOLE = new RegExp(`^(?:Reached the |Failed to refresh )?(?:${LOST_LINK.source})`, 'i');
