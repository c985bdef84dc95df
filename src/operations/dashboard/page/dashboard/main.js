import { showCharts } from './charts.js';
import { noteCount, startDeadLetters } from './dead-letters.js';
import { byId } from './dom.js';
import { follow } from './events.js';
import { time } from './format.js';
import { showJob } from './job.js';
import { startOrder } from './order.js';
import { plain } from './plain.js';
import { showSignOut } from './sign-in.js';
import { showStreams } from './streams.js';

function show(state) {
  showCharts(state.history);
  if (state.problem !== undefined) return say('problem', state.problem);
  say('live', `Live, ${time(state.at)}`);
  showStreams(state);
  showJob(state.job);
  noteCount(state);
}

/** The status is read out when its kind changes, not each second. */
function say(kind, text) {
  const status = byId('status');
  status.setAttribute('role', status.dataset.kind === kind ? 'none' : 'status');
  status.dataset.kind = kind;
  status.textContent = plain(text);
}

sessionStorage.removeItem('reloads');
showSignOut();
startDeadLetters();
startOrder();
void follow(show, (problem) => say('problem', `${problem}; trying again`));
