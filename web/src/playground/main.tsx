import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';
import { withToken } from './authorization';
import { firstChoice, type Playground, readPlayground, tokenOf } from './demo';
import { examples } from './examples';
import { createFetcher } from './fetcher';
import { reportLive } from './live';
import './playground.css';
import { storageWithoutHeaders } from './storage';
import { Workbench } from './workbench';

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

function Page({ graphql, subscriptions, workspaces, token }: Playground & { token: string | null }) {
  return (
    <GraphiQLProvider
      fetcher={fetcherFor(graphql, subscriptions, token)}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      defaultQuery={examples[0]?.document ?? ''}
      defaultHeaders={token ? withToken('', token) : '{\n  "Authorization": "Bearer "\n}'}
      shouldPersistHeaders={false}
      storage={storageWithoutHeaders}
      inputValueDeprecation
      schemaDescription
    >
      <HistoryStore>
        <DocExplorerStore>
          <Workbench initial={workspaces} graphql={graphql} />
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

function fetcherFor(graphql: string, subscriptions: string, token: string | null) {
  const firstHeaders: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  return createFetcher({ graphql, subscriptions, firstHeaders, report: reportLive });
}

async function start(root: Element): Promise<void> {
  const fallback = { graphql: '/graphql', subscriptions: '/graphql', workspaces: [] };
  const playground = await readPlayground().catch(() => fallback);
  const token = tokenOf(playground.workspaces, firstChoice(playground.workspaces));
  createRoot(root).render(<Page {...playground} token={token} />);
}

const root = document.querySelector('#root');
if (root) void start(root);
