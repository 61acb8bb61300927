import icon from '../icon.svg';
import { type Choice, firstChoice, type Workspace } from './demo';

/** Who one is: the workspace and the role whose token stands in the headers of the active tab. */
export function Bar({
  workspaces,
  choice,
  choose,
}: {
  workspaces: Workspace[];
  choice: Choice | null;
  choose: (choice: Choice) => void;
}) {
  return (
    <header className="bar">
      <img src={icon} alt="" width="22" height="22" />
      <h1>Seller Center</h1>
      <span className="bar-page">GraphQL playground</span>
      {workspaces.length > 0 ? (
        <Chooser workspaces={workspaces} choice={choice} choose={choose} />
      ) : (
        <p className="bar-note">
          No demo workspace here. Put your token into Headers: <code>{'{"Authorization": "Bearer …"}'}</code>
        </p>
      )}
      <span className="bar-keys">
        <kbd>{navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl'}</kbd> <kbd>Enter</kbd> runs
      </span>
    </header>
  );
}

function Chooser({
  workspaces,
  choice,
  choose,
}: {
  workspaces: Workspace[];
  choice: Choice | null;
  choose: (choice: Choice) => void;
}) {
  const workspace = workspaces.find(({ id }) => id === choice?.workspaceId);
  const roles = Object.keys((workspace ?? workspaces[0])?.tokens ?? {});
  const chooseWorkspace = (id: string): void => {
    const chosen = workspaces.find((one) => one.id === id);
    if (!chosen) return;
    const sameRole = choice && choice.role in chosen.tokens ? { workspaceId: id, role: choice.role } : null;
    const next = sameRole ?? firstChoice([chosen]);
    if (next) choose(next);
  };
  return (
    <div className="chooser">
      <label>
        Workspace
        <select value={workspace?.id ?? ''} onChange={(event) => chooseWorkspace(event.target.value)}>
          {!workspace && <option value="">Own token</option>}
          {workspaces.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div role="group" aria-label="Role" className="roles">
        {roles.map((role) => (
          <button
            key={role}
            type="button"
            aria-pressed={workspace !== undefined && role === choice?.role}
            onClick={() => choose({ workspaceId: (workspace ?? workspaces[0])?.id ?? '', role })}
          >
            {role.charAt(0) + role.slice(1).toLowerCase().replaceAll('_', ' ')}
          </button>
        ))}
      </div>
    </div>
  );
}
