import { type Example, examples } from './examples';

const groups = [
  { kind: 'query', title: 'Queries' },
  { kind: 'mutation', title: 'Mutations' },
  { kind: 'subscription', title: 'Subscriptions' },
] as const;

export function ExampleList({ open }: { open: (example: Example) => void }) {
  return (
    <nav className="examples" aria-label="Examples">
      {groups.map(({ kind, title }) => (
        <section key={kind} data-kind={kind}>
          <h2>{title}</h2>
          <ul>
            {examples
              .filter((example) => example.operation.operation === kind)
              .map((example) => (
                <li key={example.name}>
                  <button type="button" title={example.description} onClick={() => open(example)}>
                    {example.title}
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
