// The Authorization header inside the text of GraphiQL's headers editor. The text is read by pattern,
// since it may be half typed or hold comments, neither of which JSON.parse takes.

const bearer = /("authorization"\s*:\s*"Bearer\s+)([^"]*)(")/i;

export function tokenIn(headersText: string): string | null {
  return bearer.exec(headersText)?.[2] ?? null;
}

export function withToken(headersText: string, token: string): string {
  if (bearer.test(headersText)) {
    return headersText.replace(bearer, (_, before: string, _old: string, after: string) => before + token + after);
  }
  return JSON.stringify({ ...otherHeaders(headersText), Authorization: `Bearer ${token}` }, null, 2);
}

export function authorizationOf(headers: Record<string, unknown> | undefined): string | null {
  const entry = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'authorization');
  return typeof entry?.[1] === 'string' ? entry[1] : null;
}

function otherHeaders(headersText: string): Record<string, unknown> {
  try {
    const { Authorization, authorization, ...others } = JSON.parse(headersText) as Record<string, unknown>;
    return others;
  } catch {
    return {};
  }
}
