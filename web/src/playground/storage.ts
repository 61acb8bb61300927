import type { Storage } from '@graphiql/toolkit';

/**
 * The browser's storage without headers. GraphiQL leaves them out of the tabs it stores, yet its history
 * keeps them with every operation, and so would keep tokens for as long as the browser lives.
 */
export const storageWithoutHeaders: Storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, withoutHeaders(value)),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};

function withoutHeaders(value: string): string {
  if (!value.includes('"headers"')) return value;
  return JSON.stringify(JSON.parse(value), (key, held: unknown) => (key === 'headers' ? null : held));
}
