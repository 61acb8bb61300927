import { pick, useGraphiQL, useGraphiQLActions, useHeadersEditorState } from '@graphiql/react';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { useEffect, useRef } from 'react';
import { tokenIn, withToken } from './authorization';
import { Bar } from './bar';
import { type Choice, firstChoice, tokenOf, useDemo, type Workspace } from './demo';
import { ExampleList } from './example-list';
import { type Example, examples, variablesOf } from './examples';
import { LiveLine } from './live';

/** GraphiQL with our bar above and the examples beside it. Stands inside GraphiQLProvider. */
export function Workbench({ initial, graphql }: { initial: Workspace[]; graphql: string }) {
  const { workspaces, choice, choose, token } = useToken(initial);
  const openExample = useOpenExample();
  useSystemTheme();
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
  const { headerEditor, subscription, schema, tabs, activeTabIndex } = useGraphiQL(
    pick('headerEditor', 'subscription', 'schema', 'tabs', 'activeTabIndex'),
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
    if (subscription) {
      stop(); // it runs with the old token
      setTimeout(run, 50); // after the old run has said its last word, which would end the new one
    }
  };

  // A renewed token takes the place of its older self. A new tab starts as whom one has last chosen to be, and so
  // does an operation from the history, which comes without headers.
  const activeTab = tabs[activeTabIndex]?.id ?? '';
  const seenTabs = useRef(new Set(tabs.map(({ id }) => id)));
  useEffect(() => {
    if (!headerEditor) return;
    const isNew = !seenTabs.current.has(activeTab);
    seenTabs.current.add(activeTab);
    const isBlank = headerEditor.getValue().trim() === '' && !headerEditor.hasTextFocus();
    if (!choice && !isBlank) return; // a token of one's own
    const whom = isNew || isBlank ? (lastChosen.current ?? choice ?? firstChoice(workspaces)) : choice;
    const fresh = tokenOf(workspaces, whom);
    if (fresh && fresh !== tokenIn(headerEditor.getValue())) put(fresh);
  });

  // Where the schema takes a token and none was there at first: ask again once one has been pasted.
  useEffect(() => {
    if (schema || !token) return;
    const timer = setTimeout(introspect, 500);
    return () => clearTimeout(timer);
  }, [schema, token, introspect]);
  return { workspaces, choice, choose, token };
}

/** Into the active tab if nothing of one's own stands there, else into a new one. */
function useOpenExample() {
  const { queryEditor, variableEditor, headerEditor } = useGraphiQL(
    pick('queryEditor', 'variableEditor', 'headerEditor'),
  );
  const { addTab, stop, setOperationFacts, updateActiveTabValues } = useGraphiQLActions();
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
    // GraphiQL reads its editors a moment later; run at once, it would run, and remember, half of the one before.
    updateActiveTabValues({ query: example.document, variables });
    setOperationFacts({
      documentAST: example.syntax,
      operationName: example.operation.name?.value ?? '',
      operations: [example.operation],
    });
    if (variables) showVariables();
    queryEditor.focus();
  };
}

/** GraphiQL keeps which of the two editors is shown to itself; its button is the only way to it. */
function showVariables(): void {
  document.querySelector<HTMLButtonElement>('.graphiql-editor-tools [data-name="variables"]')?.click();
}

/** Monaco takes the colours of the system at start only; this has it follow when they change. */
function useSystemTheme(): void {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme) return; // chosen in the settings
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setTheme(null);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
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
