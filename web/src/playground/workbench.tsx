import { pick, useGraphiQL, useGraphiQLActions, useHeadersEditorState } from '@graphiql/react';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { useEffect, useRef } from 'react';
import { tokenIn, withToken } from './authorization';
import { Bar } from './bar';
import { type Choice, tokenOf, useDemo, type Workspace } from './demo';
import { ExampleList } from './example-list';
import { type Example, examples, variablesOf } from './examples';
import { LiveLine } from './live';

/** GraphiQL with our bar above and the examples beside it. Stands inside GraphiQLProvider. */
export function Workbench({ initial, graphql }: { initial: Workspace[]; graphql: string }) {
  const { workspaces, choice, choose, token } = useToken(initial);
  const openExample = useOpenExample();
  const liveRoomId = workspaces.find(({ id }) => id === choice?.workspaceId)?.liveRoomId;
  const open = (example: Example): void => {
    void openExample(example, { liveRoomId, ask: (query) => ask(graphql, token, query) });
  };
  return (
    <div className="page">
      <Bar workspaces={workspaces} choice={choice} choose={choose} />
      <ExampleList open={open} />
      <main>
        <GraphiQLInterface defaultEditorToolsVisibility="headers" showPersistHeadersSettings={false}>
          <GraphiQL.Footer>
            <LiveLine />
          </GraphiQL.Footer>
        </GraphiQLInterface>
      </main>
    </div>
  );
}

/** The token in the headers of the active tab is the only state; the bar shows whose it is and replaces it. */
function useToken(initial: Workspace[]) {
  const { workspaces, choiceOf } = useDemo(initial);
  const { headerEditor, subscription, tabs, activeTabIndex } = useGraphiQL(
    pick('headerEditor', 'subscription', 'tabs', 'activeTabIndex'),
  );
  const { stop, run, introspect } = useGraphiQLActions();
  const [headers] = useHeadersEditorState();
  const token = tokenIn(headers);
  const choice = choiceOf(token);

  const put = (fresh: string): void => {
    headerEditor?.setValue(withToken(headerEditor.getValue(), fresh));
  };
  const lastChosen = useRef<Choice | null>(null);
  const choose = (chosen: Choice): void => {
    const fresh = tokenOf(workspaces, chosen);
    if (!fresh) return;
    lastChosen.current = chosen;
    put(fresh);
    void introspect(); // rights may show in the schema
    if (subscription) {
      stop(); // it runs with the old token
      setTimeout(run, 50); // after the old run has said its last word, which would end the new one
    }
  };

  // A renewed token takes the place of its older self; a new tab starts as whom one has last chosen to be.
  const activeTab = tabs[activeTabIndex]?.id ?? '';
  const seenTabs = useRef(new Set(tabs.map(({ id }) => id)));
  useEffect(() => {
    if (!headerEditor || !choice) return;
    const isNew = !seenTabs.current.has(activeTab);
    seenTabs.current.add(activeTab);
    const fresh = tokenOf(workspaces, isNew ? (lastChosen.current ?? choice) : choice);
    if (fresh && fresh !== token) put(fresh);
  });
  return { workspaces, choice, choose, token };
}

/** Into the active tab if nothing of one's own stands there, else into a new one. */
function useOpenExample() {
  const { queryEditor, variableEditor, headerEditor } = useGraphiQL(
    pick('queryEditor', 'variableEditor', 'headerEditor'),
  );
  const { addTab, stop } = useGraphiQLActions();
  return async (example: Example, surroundings: Parameters<typeof variablesOf>[1]): Promise<void> => {
    if (!queryEditor || !variableEditor || !headerEditor) return;
    const variables = await variablesOf(example, surroundings);
    stop();
    if (isOwnWork(queryEditor.getValue())) {
      const headers = headerEditor.getValue();
      addTab();
      headerEditor.setValue(headers);
    }
    queryEditor.setValue(example.document);
    variableEditor.setValue(variables);
    queryEditor.focus();
  };
}

function isOwnWork(text: string): boolean {
  return text.trim() !== '' && !examples.some(({ document }) => document.trim() === text.trim());
}

async function ask(graphql: string, token: string | null, query: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  try {
    const answer = await fetch(graphql, { method: 'POST', headers, body: JSON.stringify({ query }) });
    return ((await answer.json()) as { data?: unknown }).data ?? null;
  } catch {
    return null; // the example says in words what to fill in
  }
}
