import { useCallback, useEffect, useRef, useState } from 'react';

/** What /playground.json answers. Off this machine `workspaces` is empty and one brings one's own token. */
export interface Playground {
  graphql: string;
  subscriptions: string;
  workspaces: Workspace[];
}

export interface Workspace {
  id: string;
  slug: string;
  name: string;
  /** One bearer token per role. */
  tokens: Record<string, string>;
  liveRoomId?: string;
}

export interface Choice {
  workspaceId: string;
  role: string;
}

const secondsBetweenRenewals = 60;

export async function readPlayground(): Promise<Playground> {
  const answer = await fetch('/playground.json', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`/playground.json answered ${answer.status}`);
  return (await answer.json()) as Playground;
}

export function firstChoice(workspaces: Workspace[]): Choice | null {
  const workspace = workspaces[0];
  if (!workspace) return null;
  const role = 'OWNER' in workspace.tokens ? 'OWNER' : Object.keys(workspace.tokens)[0];
  return role ? { workspaceId: workspace.id, role } : null;
}

export function tokenOf(workspaces: Workspace[], choice: Choice | null): string | null {
  return workspaces.find(({ id }) => id === choice?.workspaceId)?.tokens[choice?.role ?? ''] ?? null;
}

/**
 * The demo workspaces, kept fresh: demo tokens expire and the server renews them in its file.
 * `choiceOf` also knows tokens that have been renewed since, so that they can be replaced.
 */
export function useDemo(initial: Workspace[]): {
  workspaces: Workspace[];
  choiceOf: (token: string | null) => Choice | null;
} {
  const [workspaces, setWorkspaces] = useState(initial);
  const seen = useRef(new Map<string, Choice>());
  for (const { id, tokens } of workspaces) {
    for (const [role, token] of Object.entries(tokens)) seen.current.set(token, { workspaceId: id, role });
  }
  useEffect(() => {
    const renew = (): void => {
      if (document.hidden) return;
      readPlayground().then(
        (playground) => setWorkspaces(playground.workspaces),
        () => undefined, // the server is away: what is known stays, and running an operation says so
      );
    };
    const timer = setInterval(renew, secondsBetweenRenewals * 1000);
    window.addEventListener('focus', renew);
    return () => {
      clearInterval(timer);
      window.removeEventListener('focus', renew);
    };
  }, []);
  const choiceOf = useCallback((token: string | null) => seen.current.get(token ?? '') ?? null, []);
  return { workspaces, choiceOf };
}
