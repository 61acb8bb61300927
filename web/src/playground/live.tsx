import { useSyncExternalStore } from 'react';

// What the socket of the running subscription does, said in one line under the response.
// GraphiQL shows the last event only; without this line a quiet subscription looks like a dead one.

type LiveMessage =
  | { type: 'none' | 'connecting' | 'connected' | 'event' }
  | { type: 'closed'; reason: string };

export type LiveReport = (message: LiveMessage) => void;

interface LiveState {
  phase: 'none' | 'connecting' | 'connected' | 'closed';
  events: number;
  lastAt: Date | null;
  reason: string;
}

const nothing: LiveState = { phase: 'none', events: 0, lastAt: null, reason: '' };
let state = nothing;
const listeners = new Set<() => void>();

export const reportLive: LiveReport = (message) => {
  state = next(state, message);
  for (const listener of listeners) listener();
};

export function LiveLine() {
  const { phase, events, lastAt, reason } = useSyncExternalStore(subscribe, () => state);
  if (phase === 'none') return null;
  return (
    <div className="live-line" data-phase={phase} role="status">
      <span className="live-dot" aria-hidden="true" />
      <span>{phase === 'connected' ? 'Live' : phase === 'connecting' ? 'Connecting' : `Closed ${reason}`.trim()}</span>
      <span>
        <b data-testid="live-events">{events}</b> {events === 1 ? 'event' : 'events'}
      </span>
      {lastAt && <span>last at {lastAt.toLocaleTimeString()}</span>}
    </div>
  );
}

function next(before: LiveState, message: LiveMessage): LiveState {
  switch (message.type) {
    case 'none':
      return nothing;
    case 'connecting':
      return { ...nothing, phase: 'connecting' };
    case 'connected':
      return { ...before, phase: 'connected' };
    case 'event':
      return { ...before, events: before.events + 1, lastAt: new Date() };
    case 'closed':
      return { ...before, phase: 'closed', reason: message.reason };
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
